"""How a job waits for its provider: visibly, and only as long as it is wanted."""

from __future__ import annotations

import time
from collections.abc import Callable

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.chat.answering import Turnstile
from ragline.jobs import service as jobs
from ragline.models import Job

# A job that waits for its provider looks this often whether it was cancelled.
LOOK_SECONDS = 1.0


def turnstile_of(runtime: Runtime, job_id: str, workflow_id: str) -> Turnstile:
    """Return how this attempt of a job waits for its calls."""
    return Turnstile(
        _pause(runtime, job_id, workflow_id),
        job_id,
        on_wait=lambda reason: _note_waiting(runtime, job_id, workflow_id, reason),
        on_granted=lambda: _note_waiting(runtime, job_id, workflow_id, None),
    )


def _pause(runtime: Runtime, job_id: str, workflow_id: str) -> Callable[[float], None]:
    """Return a pause that ends with the process, or with `Superseded` once the job is not open."""

    def pause(seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            runtime.engine.pause(min(left, LOOK_SECONDS))
            with runtime.database.read() as session:
                jobs.open_job(session, job_id, workflow_id)

    return pause


def _note_waiting(runtime: Runtime, job_id: str, workflow_id: str, reason: str | None) -> None:
    """Show what the job waits for, or that it does not wait any more."""
    values = {"of_job": job_id, "of_workflow": workflow_id}
    with runtime.database.read() as session:
        if session.scalar(_WAITING_FOR, values) == reason:
            return
    with runtime.database.write() as session:
        session.execute(_NOTE_WAITING, values | {"reason": reason})


_THIS = (
    Job.id == sa.bindparam("of_job"),
    Job.workflow_id == sa.bindparam("of_workflow"),
    Job.outcome.is_(None),
)
_WAITING_FOR = sa.select(Job.waiting_for).where(*_THIS)
_NOTE_WAITING = sa.update(Job).where(*_THIS).values(waiting_for=sa.bindparam("reason"))
