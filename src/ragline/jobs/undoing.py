"""Undoing what a cancelled attempt did, as a workflow of its own.

The engine runs no further step of a cancelled workflow, so that it cannot tidy up after
itself; and undoing must be done even if the worker dies over it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.database import LOCKED
from ragline.engine import attempts, queues
from ragline.engine.enqueueing import Place
from ragline.engine.retry import COMPUTE
from ragline.errors import Stopping
from ragline.failpoints import failpoint
from ragline.jobs import ending
from ragline.models import Job

UNDO = "undo"
SECONDS = 3600.0
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Undoing:
    """How a kind of job is undone; features say it for theirs.

    `give_up` ends an attempt, named by job and workflow, as failed where the engine ended it
    alone. `remove` takes away what a cancelled attempt built and returns the receipt, counts by
    what was removed; it is given the job as it was when it was cancelled, and may run late and
    twice: what a later attempt builds bears another version. `steps` are those whose effects
    are gone then.
    """

    give_up: Callable[[Runtime, str, BaseException, str], None]
    remove: Callable[[Runtime, Job], dict[str, int]]
    steps: tuple[str, ...] = ()


def register(runtime: Runtime, undoings: Mapping[str, Undoing]) -> None:
    """Make the undoing of cancelled jobs known to the engine."""
    runtime.engine.register(UNDO, lambda *arguments: _undo(runtime, undoings, *arguments))


def enqueue(session: Session, runtime: Runtime, job: Job) -> None:
    """Queue the undoing of a job's current attempt."""
    runtime.engine.enqueue(
        session,
        Place(
            UNDO,
            (job.id, job.workflow_id),
            queue=queues.DEFAULT,
            workflow_id=_undo_id(job),
            timeout_seconds=SECONDS,
            share_of=job.tenant_id,
            priority=1,
        ),
    )


def _undo(runtime: Runtime, undoings: Mapping[str, Undoing], job_id: str, workflow_id: str) -> None:
    runtime.engine.step(undo_attempt, COMPUTE, runtime, undoings, job_id, workflow_id)


def undo_attempt(
    runtime: Runtime, undoings: Mapping[str, Undoing], job_id: str, workflow_id: str
) -> None:
    """Remove what an attempt built, then end its job as cancelled; a second run finds it so."""
    with runtime.database.read() as session:
        job = session.get_one(Job, job_id)
    if not _is_cancelled(job, workflow_id):
        return
    if job.kind not in undoings:
        raise Stopping  # a newer release's: one of its workers takes this up when we have ended
    undoing = undoings[job.kind]
    receipt = undoing.remove(runtime, job)
    failpoint("undo.removed")
    end_cancelled(runtime, job_id, workflow_id, receipt, undoing.steps)


def end_cancelled(
    runtime: Runtime,
    job_id: str,
    workflow_id: str,
    receipt: dict[str, int],
    steps: tuple[str, ...],
) -> None:
    """End a cancelled attempt with the receipt; a second call does nothing."""
    with runtime.database.write() as session:
        job = session.get_one(Job, job_id, with_for_update=LOCKED)
        if not _is_cancelled(job, workflow_id):
            return
        ending.end(session, job, "cancelled", result={"undone": receipt})
        attempts.forget_steps(session, workflow_id, steps)
    log.info("job.cancelled", job_id=job_id, **receipt)


def _is_cancelled(job: Job, workflow_id: str) -> bool:
    """Tell whether this attempt is the current one, cancelled and not ended yet."""
    return (
        job.outcome is None
        and job.cancel_requested_at is not None
        and job.workflow_id == workflow_id
    )


def _undo_id(job: Job) -> str:
    return f"{job.workflow_id}-undo"
