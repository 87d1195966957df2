"""Jobs from acceptance to their end: what routes and steps do with them.

`states.py` draws the moves. Everything here happens in the caller's transaction: a job is
accepted with the row that makes it true, and ends with what it publishes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.database import LOCKED, insert_new
from ragline.engine.enqueueing import Place
from ragline.engine.retry import cause_of
from ragline.errors import RaglineError, UnreadableFile
from ragline.jobs import ending, following
from ragline.jobs.backlog import refuse_overload
from ragline.jobs.events import first_event, record, record_numbered
from ragline.jobs.wishes import NO_WISHES, Wishes
from ragline.models import Attempt, Job, JobTag, now

log = structlog.get_logger()


class Superseded(RaglineError):
    """An attempt goes on although its job has ended; it stops without any effect."""


def accept(
    session: Session,
    runtime: Runtime,
    job: Job,
    *,
    workflow: str,
    queue: str,
    timeout_seconds: float,
    wishes: Wishes = NO_WISHES,
) -> None:
    """Keep a job, its first attempt and its place in the queue, or none of them.

    Raises `Overloaded` where the backlog is full.
    """
    accept_all(
        session,
        runtime,
        [(job, wishes)],
        workflow=workflow,
        queue=queue,
        timeout_seconds=timeout_seconds,
    )


def accept_all(
    session: Session,
    runtime: Runtime,
    asked: Sequence[tuple[Job, Wishes]],
    *,
    workflow: str,
    queue: str,
    timeout_seconds: float,
) -> None:
    """Keep jobs of a workflow as `accept` keeps one, with as many statements as for one."""
    refuse_overload(runtime, session, len(asked))
    for job, _ in asked:
        job.workflow_id, job.workflow = job.id, workflow
        job.queue, job.timeout_seconds = queue, timeout_seconds
    _insert(session, asked)
    insert_new(session, *(Attempt(job_id=job.id, number=1, workflow_id=job.id) for job, _ in asked))
    runtime.engine.enqueue(session, *(place_of(job) for job, _ in asked))


def accept_parent(session: Session, parent: Job, *, wishes: Wishes = NO_WISHES) -> None:
    """Keep a job that has no work of its own: it ends with the last of its children."""
    _insert(session, [(parent, wishes)])


def _insert(session: Session, asked: Sequence[tuple[Job, Wishes]]) -> None:
    """Write rows of new jobs with their first events and their tags."""
    for job, wishes in asked:
        job.priority, job.not_before = wishes.priority, wishes.not_before
    events = [first_event(job) for job, _ in asked]
    insert_new(session, *(job for job, _ in asked))
    insert_new(session, *events)
    insert_new(session, *(tag for job, wishes in asked for tag in _tags(job, wishes.tags)))


def place_of(job: Job) -> Place:
    """Return the place in its queue that the current attempt of a job takes."""
    assert job.queue is not None, "a job with a workflow has a queue"
    assert job.workflow is not None, "a job with a workflow knows its name"
    assert job.workflow_id is not None, "its attempt has an id"
    assert job.timeout_seconds is not None, "a job with a workflow has a time limit"
    return Place(
        job.workflow,
        (job.id,),
        queue=job.queue,
        workflow_id=job.workflow_id,
        timeout_seconds=job.timeout_seconds,
        share_of=job.tenant_id,
        priority=job.priority,
        delay_seconds=(
            following.LONGEST_SECONDS if following.follows(job) else seconds_until(job.not_before)
        ),
    )


def begin(runtime: Runtime, job_id: str) -> None:
    """Note that an attempt starts or is taken up again; stop it if it never gets anywhere.

    Runs at each start, a replay included, so it is no step. Raises `UnreadableFile`
    for work that made no progress over many starts: it probably kills its worker.
    """
    with runtime.database.write() as session:
        job = open_job(session, job_id, runtime.engine.workflow_id())
        attempt = session.scalars(
            sa.select(Attempt).where(Attempt.workflow_id == job.workflow_id)
        ).one()
        attempt.idle_starts += 1
        if attempt.started_at is None:
            attempt.started_at = now()
            job.started_at = job.started_at or attempt.started_at
            record(session, job, "job.started", attempt=attempt.number)
        ending.start_parent(session, job)
        idle_starts = attempt.idle_starts
    if idle_starts > runtime.settings.max_idle_starts:
        raise UnreadableFile(
            f"This work was started {idle_starts} times without any progress; it was stopped "
            "so that it cannot take its worker down again."
        )


def open_job(session: Session, job_id: str, workflow_id: str) -> Job:
    """Return a job that this attempt may still change, and let no one else end it meanwhile.

    Raises `Superseded` where it has ended, was cancelled, or another attempt took over: what
    a late step did in the same transaction is undone with it.
    """
    job = session.get_one(Job, job_id, with_for_update=LOCKED, populate_existing=True)
    if not _is_open(job, workflow_id):
        raise Superseded("The job has ended or moved on; what this attempt still did is dropped.")
    return job


def tell(session: Session, job_id: str, workflow_id: str, type: str, **details: Any) -> None:
    """Record an event of a job that this attempt may still change, with one look at its row.

    Raises `Superseded` as `open_job` does.
    """
    fence = {"of_job": job_id, "of_workflow": workflow_id}
    row = session.execute(_NEXT_OF_OPEN, fence).first()
    if row is None:
        raise Superseded("The job has ended or moved on; what this attempt still did is dropped.")
    record_numbered(session, job_id, row.project_id, row.last_event, type, details)


def is_current(session: Session, job: Job, workflow_id: str) -> bool:
    """Tell whether this attempt may still publish: the job has not ended nor moved on."""
    session.refresh(job, with_for_update=LOCKED)
    return _is_open(job, workflow_id)


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
    """Note progress of a job from `open_job`, which also shows that the attempt is no poison."""
    job.progress_done, job.progress_total, job.progress_unit = done, total, unit
    session.execute(_NOT_IDLE, {"of_workflow": job.workflow_id})
    record(session, job, event, done=done, total=total, unit=unit, **details)


def complete(
    session: Session,
    job: Job,
    *,
    result: dict[str, Any],
    warnings: Sequence[Any] = (),
    told: dict[str, Any] | None = None,
) -> None:
    """End a job well, in the transaction that publishes its effects; a second call does nothing.

    `told` are details of its last event.
    """
    ending.end(session, job, "completed", told=told, result=result, warnings=list(warnings))


def fail(session: Session, job: Job, error: BaseException, workflow_id: str) -> bool:
    """End an attempt with the reason a person understands; return whether this ended it.

    One that has ended, was cancelled or superseded is left as it is.
    """
    if not is_current(session, job, workflow_id):
        return False
    problem = describe(error)
    ending.end(session, job, "failed", error=problem)
    log.warning("job.failed", job_id=job.id, kind=job.kind, reason=problem["detail"])
    return True


def give_up(runtime: Runtime, job_id: str, error: BaseException, workflow_id: str) -> None:
    """End an attempt that leaves nothing to tidy up as failed; safe to run twice."""
    with runtime.database.write() as session:
        fail(session, session.get_one(Job, job_id), error, workflow_id)


def describe(error: BaseException) -> dict[str, Any]:
    """Return an error as clients see it; what is not ours is logged, not shown."""
    cause = cause_of(error)
    if not isinstance(cause, RaglineError):
        log.error("job.broken", error=repr(cause), exc_info=cause)
        cause = RaglineError(
            "Something went wrong inside Ragline; the server's log says more. "
            "Retry the job to try once more."
        )
    return {
        "type": f"/problems/{cause.slug}",
        "title": cause.title,
        "detail": cause.message,
        "retryable": cause.retryable,
    }


def _is_open(job: Job, workflow_id: str) -> bool:
    return (
        job.outcome is None and job.cancel_requested_at is None and job.workflow_id == workflow_id
    )


def _tags(job: Job, tags: Sequence[str]) -> list[JobTag]:
    return [JobTag(job_id=job.id, tag=tag) for tag in dict.fromkeys(tags)]


def seconds_until(moment: datetime | None) -> float | None:
    """Return how long work must wait for a moment, or None if it need not."""
    if moment is None:
        return None
    seconds = (moment - now()).total_seconds()
    return seconds if seconds > 0 else None


_NEXT_OF_OPEN = (
    sa.update(Job)
    .where(
        Job.id == sa.bindparam("of_job"),
        Job.workflow_id == sa.bindparam("of_workflow"),
        Job.outcome.is_(None),
        Job.cancel_requested_at.is_(None),
    )
    .values(last_event=Job.last_event + 1)
    .returning(Job.last_event, Job.project_id)
    .execution_options(synchronize_session=False)
)
_NOT_IDLE = (
    sa.update(Attempt)
    .where(Attempt.workflow_id == sa.bindparam("of_workflow"), Attempt.idle_starts > 1)
    .values(idle_starts=1)
    .execution_options(synchronize_session=False)
)
