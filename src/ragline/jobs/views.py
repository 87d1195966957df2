"""Rows as the jobs that clients see."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.engine.rows import WAITING, workflows
from ragline.jobs.estimate import Estimate
from ragline.jobs.following import follows
from ragline.jobs.schemas import AttemptView, JobView, Problem, Progress
from ragline.jobs.states import is_delayed, status_of
from ragline.models import Attempt, Job, JobTag

Tags = dict[str, list[str]]
IMPORT = "import"
"""The kind of parents; one may have a workflow of its own that gives it its children."""


def fresh_view(job: Job, *, tags: list[str] | None = None, children: int = 0) -> JobView:
    """Return a job as it is when it was accepted just now, without asking for its place."""
    attempt = AttemptView(
        number=1,
        first_step=1,
        outcome=None,
        created_at=job.created_at,
        started_at=None,
        ended_at=None,
        error=None,
    )
    status = "DELAYED" if is_delayed(job) or follows(job) else "ENQUEUED"
    return view(
        job,
        status,
        [attempt] if job.workflow_id else [],
        tags=tags or [],
        children={_WORDS[status]: children} if children else None,
    )


def views(session: Session, rows: list[Any]) -> list[JobView]:
    """Return rows of a job and its engine's status as jobs, with what belongs to them."""
    ids = [job.id for job, _ in rows]
    attempts, tags = _attempts(session, ids), _tags(session, ids)
    parents = [job.id for job, _ in rows if job.workflow_id is None or job.kind == IMPORT]
    children = _children(session, parents) if parents else {}
    return [
        view(job, status, attempts[job.id], tags=tags[job.id], children=children.get(job.id))
        for job, status in rows
    ]


def view(
    job: Job,
    engine_status: str | None,
    attempts: list[AttemptView],
    *,
    tags: list[str],
    children: dict[str, int] | None = None,
) -> JobView:
    """Return a job as clients see it, without its place and estimate."""
    return JobView(
        id=job.id,
        kind=job.kind,
        status=status_of(job, engine_status),
        waiting_for=_waiting_for(job, engine_status),
        queue=job.queue,
        priority=job.priority,
        not_before=job.not_before,
        tags=tags,
        project_id=job.project_id,
        document_id=job.document_id,
        parent_id=job.parent_id,
        children=children,
        progress=Progress(done=job.progress_done, total=job.progress_total, unit=job.progress_unit),
        queue_position=None,
        eta_seconds=None,
        eta_low_seconds=None,
        eta_high_seconds=None,
        attempts=attempts,
        error=Problem(**job.error) if job.error else None,
        warnings=job.warnings,
        cost=job.cost,
        tokens=job.tokens,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        cancel_requested_at=job.cancel_requested_at,
        dismissed_at=job.dismissed_at,
        result=job.result,
    )


def with_estimate(shown: JobView, estimate: Estimate | None) -> JobView:
    """Return a job with the time until its end."""
    if estimate is None:
        return shown
    return shown.model_copy(
        update={
            "eta_seconds": round(estimate.expected, 1),
            "eta_low_seconds": round(estimate.low, 1),
            "eta_high_seconds": round(estimate.high, 1),
        }
    )


def _waiting_for(job: Job, engine_status: str | None) -> str | None:
    if job.outcome is not None:
        return None
    if job.cancel_requested_at is not None and job.workflow_id is not None:
        return "undo"
    if status_of(job, engine_status) == "pending" and not follows(job):
        return "not_before"
    return job.waiting_for


def _attempts(session: Session, job_ids: list[str]) -> dict[str, list[AttemptView]]:
    found: dict[str, list[AttemptView]] = defaultdict(list)
    query = sa.select(Attempt).where(Attempt.job_id.in_(job_ids)).order_by(Attempt.number)
    for attempt in session.scalars(query):
        found[attempt.job_id].append(
            AttemptView(
                number=attempt.number,
                first_step=attempt.first_step,
                outcome=attempt.outcome,
                created_at=attempt.created_at,
                started_at=attempt.started_at,
                ended_at=attempt.ended_at,
                error=Problem(**attempt.error) if attempt.error else None,
            )
        )
    return found


def _tags(session: Session, job_ids: list[str]) -> Tags:
    found: Tags = defaultdict(list)
    query = sa.select(JobTag.job_id, JobTag.tag).where(JobTag.job_id.in_(job_ids))
    for job_id, tag in session.execute(query.order_by(JobTag.tag)):
        found[job_id].append(tag)
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
        word = outcome or _WORDS.get(status, "processing")
        found[str(parent_id)][word] += count
    return {parent: dict(counts) for parent, counts in found.items()}


_WORDS = dict(zip(WAITING, ("pending", "queued"), strict=True))
