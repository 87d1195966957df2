"""The one end of each attempt, and what it means for a parent."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.database import LOCKED
from ragline.jobs import following
from ragline.jobs.events import record
from ragline.models import Attempt, Job, now


def end(
    session: Session, job: Job, outcome: str, *, told: dict[str, Any] | None = None, **values: Any
) -> bool:
    """Write a job's outcome with its terminal event; return False where it has one already.

    `told` are further details of that event.
    """
    session.flush()
    moment, waited_for = now(), job.waiting_for
    ended = session.execute(
        sa.update(Job)
        .where(Job.id == job.id, Job.outcome.is_(None))
        .values(outcome=outcome, finished_at=moment, waiting_for=None, **values)
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    ).first()
    session.expire(job)
    if ended is None:
        return False
    error = values.get("error")
    session.execute(
        sa.update(Attempt)
        .where(Attempt.job_id == job.id, Attempt.outcome.is_(None))
        .values(outcome=outcome, ended_at=moment, error=error)
        .execution_options(synchronize_session=False)
    )
    record(session, job, f"job.{outcome}", **(told or {}), **({"error": error} if error else {}))
    following.let_go(session, job, waited_for)
    if job.parent_id is not None:
        session.flush()
        end_if_children_have(session, job.parent_id)
    return True


def start_parent(session: Session, job: Job) -> None:
    """Note that a parent's work begins, with the first of its children."""
    if job.parent_id is None:
        return
    started = session.execute(
        sa.update(Job)
        # A child may be retried alone, after its parent's end.
        .where(Job.id == job.parent_id, Job.started_at.is_(None), Job.outcome.is_(None))
        .values(started_at=now())
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    ).first()
    if started is not None:
        record(session, session.get_one(Job, job.parent_id), "job.started", attempt=1)


def end_if_children_have(session: Session, parent_id: str) -> None:
    """Count a parent's ended children, and end it with the last one."""
    parent = session.get_one(Job, parent_id, with_for_update=LOCKED, populate_existing=True)
    if parent.outcome is not None:
        return  # a child was retried alone
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
    _end_with(session, parent, {outcome: count for outcome, count in counts.items() if outcome})


def _end_with(session: Session, parent: Job, counts: dict[str, int]) -> None:
    """End a parent whose children all have, by how they ended."""
    total = sum(counts.values())
    failed, cancelled = counts.get("failed", 0), counts.get("cancelled", 0)
    if parent.cancel_requested_at is not None or cancelled == total:
        end(session, parent, "cancelled", result=counts)
        return
    if failed and failed + cancelled == total:
        problem = {
            "type": "/problems/unreadable-file",
            "title": "Unreadable file",
            "detail": "None of the documents could be read; see each one.",
            "retryable": False,
        }
        end(session, parent, "failed", error=problem, result=counts)
        return
    warnings = list(parent.warnings)
    for word, count in (("failed", failed), ("cancelled", cancelled)):
        if count:
            message = f"{count} of {total} {'were ' if word == 'cancelled' else ''}{word}"
            warnings.append({"code": f"documents-{word}", "message": message})
    end(session, parent, "completed", result=counts, warnings=warnings)
