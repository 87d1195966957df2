"""Reading jobs: one status from two tables, listings and places in the queue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.engine.rows import STATUS_WORDS, workflows
from ragline.errors import NotFound
from ragline.jobs import service
from ragline.jobs.schemas import AttemptView, JobView, Problem, Progress
from ragline.models import Attempt, Job


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list; None means any."""

    status: str | None = None
    kind: str | None = None
    project_id: str | None = None
    parent_id: str | None = None


def get_job(runtime: Runtime, tenant_id: str, job_id: str) -> JobView:
    """Return one job of the tenant."""
    with runtime.database.read() as session:
        views = _views(session, _owned(tenant_id).where(Job.id == job_id), places=True)
    if not views:
        raise NotFound(f"There is no job with the id {job_id!r}.")
    return views[0]


def fresh_view(job: Job, *, children: int = 0) -> JobView:
    """Return a job as it is when it was accepted just now, without asking for its place."""
    attempt = AttemptView(number=1, started_at=job.created_at, ended_at=None, error=None)
    return _view(
        job,
        "ENQUEUED",
        [attempt] if job.workflow_id else [],
        {"queued": children} if children else None,
        None,
    )


def list_jobs(
    runtime: Runtime, tenant_id: str, wanted: JobFilter, *, limit: int, after: str | None
) -> tuple[list[JobView], bool]:
    """Return the tenant's jobs, newest first, and whether there are more."""
    query = _owned(tenant_id).order_by(Job.created_at.desc(), Job.id.desc()).limit(limit + 1)
    for column, value in (
        (Job.kind, wanted.kind),
        (Job.project_id, wanted.project_id),
        (Job.parent_id, wanted.parent_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.status is not None:
        query = query.where(_status_is(wanted.status))
    with runtime.database.read() as session:
        if after is not None:
            query = query.where(_behind(session, tenant_id, after))
        views = _views(session, query)
    return views[:limit], len(views) > limit


def statuses(session: Session, job_ids: Sequence[str]) -> dict[str, str]:
    """Return the status of each of these jobs."""
    rows = session.execute(_rows().where(Job.id.in_(job_ids)))
    return {job.id: service.status_of(job, status) for job, status, *_ in rows}


def _rows() -> sa.Select[Any]:
    return sa.select(
        Job,
        workflows.c.status,
        workflows.c.queue_name,
        workflows.c.priority,
        workflows.c.created_at,
    ).outerjoin(workflows, workflows.c.workflow_uuid == Job.workflow_id)


def _owned(tenant_id: str) -> sa.Select[Any]:
    return _rows().where(Job.tenant_id == tenant_id)


def _status_is(status: str) -> sa.ColumnElement[bool]:
    words = [engine for engine, word in STATUS_WORDS.items() if word == status]
    running = workflows.c.status.in_(words)
    if status == "processing":
        # Ended in the engine, its outcome still on its way: it is being worked on.
        running = workflows.c.status.not_in(("DELAYED", "ENQUEUED"))
        parent = sa.and_(Job.workflow_id.is_(None), Job.started_at.is_not(None))
        return sa.and_(Job.outcome.is_(None), sa.or_(running, parent))
    if status == "queued":
        parent = sa.and_(Job.workflow_id.is_(None), Job.started_at.is_(None))
        return sa.and_(Job.outcome.is_(None), sa.or_(running, parent))
    if status == "pending":
        return sa.and_(Job.outcome.is_(None), running)
    return Job.outcome == status


def _behind(session: Session, tenant_id: str, after: str) -> sa.ColumnElement[bool]:
    last = session.scalar(sa.select(Job).where(Job.id == after, Job.tenant_id == tenant_id))
    if last is None:
        raise NotFound(f"There is no job with the id {after!r} to continue after.")
    return sa.tuple_(Job.created_at, Job.id) < sa.tuple_(
        sa.literal(last.created_at, Job.created_at.type), sa.literal(last.id)
    )


def _views(session: Session, query: sa.Select[Any], *, places: bool = False) -> list[JobView]:
    rows = session.execute(query).all()
    jobs = [row[0] for row in rows]
    attempts = _attempts(session, [job.id for job in jobs])
    parents = [job.id for job in jobs if job.workflow_id is None]
    children = _children(session, parents) if parents else {}
    views = []
    for job, status, queue, priority, enqueued in rows:
        position = (
            _position(session, job.workflow_id, queue, priority, enqueued)
            if places and job.outcome is None and status == "ENQUEUED"
            else None
        )
        views.append(_view(job, status, attempts[job.id], children.get(job.id), position))
    return views


def _view(
    job: Job,
    engine_status: str | None,
    attempts: list[AttemptView],
    children: dict[str, int] | None,
    position: int | None,
) -> JobView:
    return JobView(
        id=job.id,
        kind=job.kind,
        status=service.status_of(job, engine_status),
        waiting_for=None,
        project_id=job.project_id,
        document_id=job.document_id,
        parent_id=job.parent_id,
        children=children,
        progress=Progress(done=job.progress_done, total=job.progress_total, unit=job.progress_unit),
        queue_position=position,
        eta_seconds=None,
        attempts=attempts,
        error=Problem(**job.error) if job.error else None,
        warnings=job.warnings,
        cost=job.cost,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        result=job.result,
    )


def _attempts(session: Session, job_ids: list[str]) -> dict[str, list[AttemptView]]:
    found: dict[str, list[AttemptView]] = defaultdict(list)
    query = sa.select(Attempt).where(Attempt.job_id.in_(job_ids)).order_by(Attempt.number)
    for attempt in session.scalars(query):
        found[attempt.job_id].append(
            AttemptView(
                number=attempt.number,
                started_at=attempt.created_at,
                ended_at=attempt.ended_at,
                error=Problem(**attempt.error) if attempt.error else None,
            )
        )
    return found


def _children(session: Session, parents: list[str]) -> dict[str, dict[str, int]]:
    query = (
        sa.select(Job.parent_id, Job.outcome, workflows.c.status, sa.func.count())
        .outerjoin(workflows, workflows.c.workflow_uuid == Job.workflow_id)
        .where(Job.parent_id.in_(parents))
        .group_by(Job.parent_id, Job.outcome, workflows.c.status)
    )
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for parent_id, outcome, status, count in session.execute(query):
        word = outcome or ("queued" if status in ("ENQUEUED", "DELAYED") else "processing")
        found[str(parent_id)][word] += count
    return {parent: dict(counts) for parent, counts in found.items()}


def _position(session: Session, workflow_id: str, queue: str, priority: int, enqueued: int) -> int:
    """Count who is served before: workflows of one transaction tie in time, so ids decide."""
    order = sa.tuple_(workflows.c.priority, workflows.c.created_at, workflows.c.workflow_uuid)
    ahead = sa.select(sa.func.count()).where(
        workflows.c.queue_name == queue,
        workflows.c.status == "ENQUEUED",
        order < sa.tuple_(sa.literal(priority), sa.literal(enqueued), sa.literal(workflow_id)),
    )
    return 1 + (session.scalar(ahead) or 0)
