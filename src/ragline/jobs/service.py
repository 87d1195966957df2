"""Jobs from acceptance to their one end.

        accept              begin                    complete
(none) ───────▶ queued ──────────────▶ processing ─────────────▶ completed
                  ▲                        │  │       fail
                  └──────── recovered ─────┘  └────────────────▶ failed

`queued` and `processing` are the engine's row; `completed`, `failed` and `cancelled`
are `Job.outcome`, written once together with the terminal event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.engine.retry import cause_of
from ragline.engine.rows import OPEN, STATUS_WORDS, workflows
from ragline.errors import RaglineError, UnreadableFile
from ragline.jobs.events import first_event, record
from ragline.models import Attempt, Job, now

log = structlog.get_logger()


class Superseded(RaglineError):
    """An attempt goes on although its job has ended; it stops without any effect."""


Undo = Callable[[Runtime, str, BaseException], None]


def accept(
    session: Session,
    runtime: Runtime,
    job: Job,
    *,
    workflow: str,
    queue: str,
    timeout_seconds: float,
) -> None:
    """Keep a job, its first attempt and its place in the queue, or none of them."""
    job.workflow_id = job.id
    session.add(job)
    session.flush()
    session.add_all([Attempt(job_id=job.id, number=1, workflow_id=job.id), first_event(job)])
    runtime.engine.enqueue(
        session,
        workflow,
        job.id,
        queue=queue,
        workflow_id=job.id,
        timeout_seconds=timeout_seconds,
    )


def accept_parent(session: Session, parent: Job) -> None:
    """Keep a job that has no work of its own: it ends with the last of its children."""
    session.add(parent)
    session.flush()
    session.add(first_event(parent))


def begin(runtime: Runtime, job_id: str) -> None:
    """Note that an attempt starts or is taken up again; stop it if it never gets anywhere.

    Runs at each start, a replay included, so it is no step. Raises `UnreadableFile`
    for work that made no progress over many starts: it probably kills its worker.
    """
    with runtime.database.write() as session:
        job = session.get_one(Job, job_id)
        if job.outcome is not None:
            raise Superseded("The job has ended; there is nothing left to do.")
        attempt = _current_attempt(session, job)
        attempt.idle_starts += 1
        if job.started_at is None:
            job.started_at = now()
            record(session, job, "job.started")
        _start_parent(session, job)
        idle_starts = attempt.idle_starts
    if idle_starts > runtime.settings.max_idle_starts:
        raise UnreadableFile(
            f"This work was started {idle_starts} times without any progress; it was stopped "
            "so that it cannot take its worker down again."
        )


def advance(
    session: Session,
    job: Job,
    *,
    done: int,
    total: int | None,
    unit: str,
    event: str,
    **details: Any,
) -> None:
    """Note progress, which also shows that the attempt is no poison.

    Raises `Superseded` where the job has ended meanwhile: the transaction of a late step is
    undone with it.
    """
    if job.outcome is not None:
        raise Superseded("The job has ended; what this attempt still did is dropped.")
    job.progress_done, job.progress_total, job.progress_unit = done, total, unit
    session.execute(
        sa.update(Attempt)
        .where(Attempt.workflow_id == job.workflow_id, Attempt.idle_starts > 1)
        .values(idle_starts=1)
    )
    record(session, job, event, done=done, total=total, unit=unit, **details)


def is_current(session: Session, job: Job, workflow_id: str) -> bool:
    """Tell whether this attempt may still publish: the job has not ended nor moved on."""
    session.refresh(job, with_for_update=True)
    return job.outcome is None and job.workflow_id == workflow_id


def complete(
    session: Session, job: Job, *, result: dict[str, Any], warnings: Sequence[Any] = ()
) -> None:
    """End a job well, in the transaction that publishes its effects; a second call does nothing."""
    job.warnings = list(warnings)
    job.result = result
    _end(session, job, "completed")


def fail(session: Session, job: Job, error: BaseException) -> None:
    """End a job with the reason a person understands; a second call does nothing."""
    job.error = describe(error)
    log.warning("job.failed", job_id=job.id, kind=job.kind, reason=job.error["detail"])
    _end(session, job, "failed", error=job.error)


def describe(error: BaseException) -> dict[str, Any]:
    """Return an error as clients see it; what is not ours is logged, not shown."""
    cause = cause_of(error)
    if not isinstance(cause, RaglineError):
        log.error("job.broken", error=repr(cause), exc_info=cause)
        cause = RaglineError(
            "Something went wrong inside Ragline; the server's log says more. "
            "Upload the same content again to try once more."
        )
    return {
        "type": f"/problems/{cause.slug}",
        "title": cause.title,
        "detail": cause.message,
        "retryable": cause.retryable,
    }


def note_recovered(runtime: Runtime, workflow_ids: list[str]) -> None:
    """Record that the work of a dead worker went back into its queue."""
    with runtime.database.write() as session:
        jobs = session.scalars(
            sa.select(Job).where(Job.workflow_id.in_(workflow_ids), Job.outcome.is_(None))
        )
        for job in jobs:
            record(session, job, "job.recovered")


def settle(runtime: Runtime, undo: Mapping[str, Undo]) -> None:
    """End jobs whose workflow the engine ended alone, by a limit of its own.

    `undo` says how each kind of job is undone; it ends the job as failed.
    """
    stranded = (
        sa.select(Job.id, Job.kind, workflows.c.status)
        .join(workflows, workflows.c.workflow_uuid == Job.workflow_id)
        .where(Job.outcome.is_(None), workflows.c.status.not_in(OPEN))
    )
    with runtime.database.read() as session:
        found = session.execute(stranded).all()
    for job_id, kind, status in found:
        undo[kind](runtime, job_id, RaglineError(_ALONE.get(status, _ALONE["ERROR"])))


_ALONE = {
    "CANCELLED": "The job passed its time limit and was stopped. Upload the same content again "
    "to go on from where it stopped.",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "The job's worker died too often; it was stopped.",
    "ERROR": "The job ended without a result; the server's log says more.",
}


def _end(session: Session, job: Job, outcome: str, **details: Any) -> None:
    if job.outcome is not None:
        session.expire(job)
        return
    job.outcome = outcome
    job.finished_at = now()
    if job.workflow_id is not None:
        attempt = _current_attempt(session, job)
        attempt.ended_at, attempt.error = job.finished_at, job.error
    record(session, job, f"job.{outcome}", **details)
    if job.parent_id is not None:
        session.flush()
        _end_parent(session, job.parent_id)


def _start_parent(session: Session, job: Job) -> None:
    if job.parent_id is None:
        return
    parent = session.get_one(Job, job.parent_id)
    if parent.started_at is None:
        parent.started_at = now()
        record(session, parent, "job.started")


def _end_parent(session: Session, parent_id: str) -> None:
    """Count a parent's ended children, and end it with the last one."""
    parent = session.get_one(Job, parent_id, with_for_update=True)
    counts: dict[str | None, int] = dict(
        session.execute(
            sa.select(Job.outcome, sa.func.count())
            .where(Job.parent_id == parent_id)
            .group_by(Job.outcome)
        ).all()
    )
    total = sum(counts.values())
    ended = total - counts.get(None, 0)
    parent.progress_done, parent.progress_total, parent.progress_unit = ended, total, "documents"
    if ended < total:
        record(session, parent, "job.progress", done=ended, total=total, unit="documents")
        return
    result = {outcome: count for outcome, count in counts.items() if outcome}
    failed = counts.get("failed", 0)
    if failed == total:
        fail(session, parent, UnreadableFile("None of the documents could be read; see each one."))
        return
    warnings = list(parent.warnings)
    if failed:
        warnings.append({"code": "documents-failed", "message": f"{failed} of {total} failed"})
    complete(session, parent, result=result, warnings=warnings)


def _current_attempt(session: Session, job: Job) -> Attempt:
    return session.scalars(sa.select(Attempt).where(Attempt.workflow_id == job.workflow_id)).one()


def status_of(job: Job, engine_status: str | None) -> str:
    """Return the one status of a job: its outcome, else the engine's word."""
    if job.outcome is not None:
        return job.outcome
    if job.workflow_id is None:
        return "processing" if job.started_at else "queued"
    word = STATUS_WORDS.get(engine_status or "", "queued")
    # The engine ended and the outcome follows at once, with its terminal event.
    return word if word in ("pending", "queued") else "processing"
