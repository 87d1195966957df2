"""How calls wait for their provider's limits: visibly, and only as long as they are wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.errors import Overloaded
from ragline.jobs import service as jobs
from ragline.models import Job

Pause = Callable[[float], None]
# Where another model can be asked instead, nobody waits longer than this for one.
SHORT_WAIT_SECONDS = 5.0
# A job that waits for its provider looks this often whether it was cancelled.
LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Turnstile:
    """How a call waits for its provider's limits.

    `pause` sleeps and ends the waiting by what it raises; `on_wait` is told once what is waited
    for, `on_granted` that the wait is over.
    """

    pause: Pause
    job_id: str | None = None
    on_wait: Callable[[str], None] = lambda _reason: None
    on_granted: Callable[[], None] = lambda: None

    @contextmanager
    def gate(self, runtime: Runtime, provider: str | None, has_others: bool) -> Iterator[None]:
        """Give a block in which one call may be made; others in the chain need not wait long."""
        pause = shorter(self.pause, SHORT_WAIT_SECONDS) if has_others else self.pause
        with runtime.limits.call(provider, job_id=self.job_id, on_wait=self.on_wait, pause=pause):
            self.on_granted()
            yield


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


def shorter(pause: Pause, seconds: float) -> Pause:
    """Return a pause that sleeps as the given one does, but not beyond so long in all."""
    deadline = time.monotonic() + seconds

    def bounded(wanted: float) -> None:
        _refuse_beyond(deadline, wanted)
        pause(wanted)

    return bounded


def patience(seconds: float) -> Pause:
    """Return a pause for callers who wait for their answer: `Overloaded` beyond so long in all."""
    return shorter(time.sleep, seconds)


def _refuse_beyond(deadline: float, wanted: float) -> None:
    if time.monotonic() + wanted > deadline:
        raise Overloaded(
            "The model's provider is called as often as its limits allow. Ask again later, "
            "or send the question with the header 'Prefer: respond-async' as a job that waits.",
            retry_after=wanted,
        )


_THIS = (
    Job.id == sa.bindparam("of_job"),
    Job.workflow_id == sa.bindparam("of_workflow"),
    Job.outcome.is_(None),
)
_WAITING_FOR = sa.select(Job.waiting_for).where(*_THIS)
_NOTE_WAITING = sa.update(Job).where(*_THIS).values(waiting_for=sa.bindparam("reason"))
