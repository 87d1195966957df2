"""Reading jobs: one status from two tables, listings, places in the queue, estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.engine.rows import STATUS_WORDS, WAITING, workflows
from ragline.errors import NotFound
from ragline.jobs import estimate
from ragline.jobs.schemas import JobView
from ragline.jobs.states import status_of
from ragline.jobs.views import views, with_estimate
from ragline.models import Attempt, Document, Job, JobTag, now

MEASURED_JOBS = 50
MEASURED_DAYS = 7


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list; None means any. Times are of creation, the first included."""

    status: str | None = None
    kind: str | None = None
    project_id: str | None = None
    parent_id: str | None = None
    tag: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    dismissed: bool | None = None


def get_job(runtime: Runtime, tenant_id: str, job_id: str) -> JobView:
    """Return one job of the tenant, with its inputs, its place and an estimate."""
    with runtime.database.read() as session:
        rows = session.execute(_ONE, {"job_id": job_id, "tenant_id": tenant_id}).all()
        if not rows:
            raise NotFound(f"There is no job with the id {job_id!r}.")
        job, status, place = rows[0][0], rows[0][1], rows[0]
        shown = views(session, [(job, status)])[0]
        shown = shown.model_copy(update={"inputs": job.inputs})
        if job.outcome is not None or job.workflow_id is None:
            return shown
        position = _position(session, place) if status == "ENQUEUED" else None
        found = _estimate(session, job, status, position)
    return with_estimate(shown.model_copy(update={"queue_position": position}), found)


def list_jobs(
    runtime: Runtime, tenant_id: str, wanted: JobFilter, *, limit: int, after: str | None
) -> tuple[list[JobView], bool]:
    """Return the tenant's jobs, newest first, and whether there are more."""
    query = _matching(tenant_id, wanted).order_by(Job.created_at.desc(), Job.id.desc())
    with runtime.database.read() as session:
        if after is not None:
            query = query.where(_behind(session, tenant_id, after))
        rows = session.execute(query.limit(limit + 1)).all()
        shown = views(session, [(row[0], row[1]) for row in rows[:limit]])
    return shown, len(rows) > limit


def find_retriable(
    runtime: Runtime, tenant_id: str, wanted: JobFilter, *, limit: int
) -> tuple[list[str], bool]:
    """Return the ids of the oldest jobs that fit and can be retried, and whether there are more."""
    latest = sa.select(Document.id).where(
        Document.id == Job.document_id, Document.latest_version == Job.version
    )
    query = (
        _matching(tenant_id, wanted)
        .where(Job.workflow_id.is_not(None), sa.or_(Job.document_id.is_(None), sa.exists(latest)))
        .order_by(Job.created_at, Job.id)
        .limit(limit + 1)
    )
    with runtime.database.read() as session:
        ids = [row[0].id for row in session.execute(query)]
    return ids[:limit], len(ids) > limit


def get_jobs(runtime: Runtime, tenant_id: str, job_ids: Sequence[str]) -> list[JobView]:
    """Return these jobs, in their order."""
    query = _owned(tenant_id).where(Job.id.in_(job_ids))
    with runtime.database.read() as session:
        rows = session.execute(query).all()
        shown = {one.id: one for one in views(session, [(row[0], row[1]) for row in rows])}
    return [shown[job_id] for job_id in job_ids if job_id in shown]


def statuses(session: Session, job_ids: Sequence[str]) -> dict[str, str]:
    """Return the status of each of these jobs."""
    rows = session.execute(_rows().where(Job.id.in_(job_ids)))
    return {job.id: status_of(job, status) for job, status, *_ in rows}


def _rows() -> sa.Select[Any]:
    return sa.select(
        Job,
        workflows.c.status,
        workflows.c.queue_name,
        workflows.c.queue_partition_key,
        workflows.c.priority,
        workflows.c.created_at,
    ).outerjoin(workflows, workflows.c.workflow_uuid == Job.workflow_id)


def _owned(tenant_id: str) -> sa.Select[Any]:
    return _rows().where(Job.tenant_id == tenant_id)


def _matching(tenant_id: str, wanted: JobFilter) -> sa.Select[Any]:
    conditions: list[sa.ColumnElement[bool] | None] = [
        None if wanted.kind is None else Job.kind == wanted.kind,
        None if wanted.project_id is None else Job.project_id == wanted.project_id,
        None if wanted.parent_id is None else Job.parent_id == wanted.parent_id,
        None if wanted.created_after is None else Job.created_at >= wanted.created_after,
        None if wanted.created_before is None else Job.created_at < wanted.created_before,
        None if wanted.status is None else _status_is(wanted.status),
        None
        if wanted.tag is None
        else Job.id.in_(sa.select(JobTag.job_id).where(JobTag.tag == wanted.tag)),
        None
        if wanted.dismissed is None
        else (Job.dismissed_at.is_not(None) == sa.literal(wanted.dismissed)),
    ]
    return _owned(tenant_id).where(*(each for each in conditions if each is not None))


def _status_is(status: str) -> sa.ColumnElement[bool]:
    words = [engine for engine, word in STATUS_WORDS.items() if word == status]
    running = workflows.c.status.in_(words)
    if status == "processing":
        # Ended in the engine, its outcome still on its way: it is being worked on.
        running = workflows.c.status.not_in(WAITING)
        parent = sa.and_(Job.workflow_id.is_(None), Job.started_at.is_not(None))
        return sa.and_(Job.outcome.is_(None), sa.or_(running, parent))
    if status == "queued":
        its_time = sa.or_(Job.not_before.is_(None), Job.not_before <= now())
        parent = sa.and_(Job.workflow_id.is_(None), Job.started_at.is_(None), its_time)
        return sa.and_(Job.outcome.is_(None), sa.or_(running, parent))
    if status == "pending":
        waits = sa.and_(Job.started_at.is_(None), Job.not_before > now())
        parent = sa.and_(Job.workflow_id.is_(None), waits)
        return sa.and_(Job.outcome.is_(None), sa.or_(running, parent))
    return Job.outcome == status


def _behind(session: Session, tenant_id: str, after: str) -> sa.ColumnElement[bool]:
    last = session.scalar(sa.select(Job).where(Job.id == after, Job.tenant_id == tenant_id))
    if last is None:
        raise NotFound(f"There is no job with the id {after!r} to continue after.")
    return sa.tuple_(Job.created_at, Job.id) < sa.tuple_(
        sa.literal(last.created_at, Job.created_at.type), sa.literal(last.id)
    )


def _position(session: Session, place: Any) -> int:
    """Count which jobs of the same tenant are served before, this one included."""
    ahead = session.scalar(
        _AHEAD,
        {
            "queue": place.queue_name,
            "share": place.queue_partition_key,
            "of_priority": place.priority,
            "since": place.created_at,
            "workflow_id": place[0].workflow_id,
        },
    )
    return 1 + (ahead or 0)


def _estimate(
    session: Session, job: Job, status: str | None, position: int | None
) -> estimate.Estimate | None:
    since = now() - timedelta(days=MEASURED_DAYS)
    rows = session.execute(_MEASURED, {"of_kind": job.kind, "since": since})
    measured = [
        estimate.Measured(
            (row.ended_at - row.started_at).total_seconds(),
            _units(row, job.progress_unit),
            row.ended_at.timestamp(),
        )
        for row in rows
    ]
    started = None
    if status == "PENDING":
        started = session.scalar(_STARTED, {"workflow_id": job.workflow_id})
    found = estimate.remaining(
        measured,
        ahead=(position or 1) - 1,
        done=job.progress_done if started else 0,
        total=job.progress_total,
        running_for=(now() - started).total_seconds() if started else None,
    )
    if found is None or job.not_before is None:
        return found
    delay = max(0.0, (job.not_before - now()).total_seconds())
    return estimate.Estimate(found.expected + delay, found.low + delay, found.high + delay)


def _units(row: Any, unit: str) -> int:
    """Return how much an ended job had of what another one counts now, at least 1."""
    counted = (row.result or {}).get(unit)
    if isinstance(counted, int):
        return max(counted, 1)
    return (row.progress_total if row.progress_unit == unit else None) or 1


_ONE = _rows().where(Job.id == sa.bindparam("job_id"), Job.tenant_id == sa.bindparam("tenant_id"))
# Workflows of one transaction tie in time, so ids decide. Spelled out instead of as a tuple,
# so that the engine's index on queue, share and priority serves both databases.
_AHEAD = sa.select(sa.func.count()).where(
    workflows.c.queue_name == sa.bindparam("queue"),
    workflows.c.status == sa.literal_column("'ENQUEUED'"),
    workflows.c.queue_partition_key == sa.bindparam("share"),
    sa.or_(
        workflows.c.priority < sa.bindparam("of_priority"),
        sa.and_(
            workflows.c.priority == sa.bindparam("of_priority"),
            sa.or_(
                workflows.c.created_at < sa.bindparam("since"),
                sa.and_(
                    workflows.c.created_at == sa.bindparam("since"),
                    workflows.c.workflow_uuid < sa.bindparam("workflow_id"),
                ),
            ),
        ),
    ),
)
_STARTED = sa.select(Attempt.started_at).where(Attempt.workflow_id == sa.bindparam("workflow_id"))
# Attempts that went the whole way: between two of a job there may be days.
_MEASURED = (
    sa.select(
        Attempt.started_at, Attempt.ended_at, Job.progress_total, Job.progress_unit, Job.result
    )
    .join(Attempt, Attempt.workflow_id == Job.workflow_id)
    .where(
        Job.kind == sa.bindparam("of_kind"),
        Job.outcome == "completed",
        Job.finished_at > sa.bindparam("since"),
        Attempt.started_at.is_not(None),
        Attempt.ended_at.is_not(None),
        Attempt.first_step == 1,
    )
    .order_by(Job.finished_at.desc())
    .limit(MEASURED_JOBS)
)
