"""The one end of each attempt, and what it means for a parent."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.database import LOCKED
from ragline.jobs import following
from ragline.jobs.events import record
from ragline.models import Attempt, Job, now

NOTE = "note"
"""The kind of a job that writes a reading note, and of the parent of several."""


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
    """Count a parent's ended children and what all cost, and end it with the last one.

    One whose own workflow is still at work gets more of them, and does not end yet.
    """
    parent = session.get_one(Job, parent_id, with_for_update=LOCKED, populate_existing=True)
    cost, tokens = session.execute(_PAID, {"of_parent": parent_id}).one()
    parent.cost, parent.tokens = float(cost), int(tokens)
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
    if parent.workflow_id is not None:
        total = max(total, parent.progress_total or 0)
    unit = _unit_of(parent)
    parent.progress_done, parent.progress_total, parent.progress_unit = ended, total, unit
    if ended < total or parent.workflow_id is not None:
        record(session, parent, "job.progress", done=ended, total=total, unit=unit)
        return
    _end_with(session, parent, {outcome: count for outcome, count in counts.items() if outcome})


def _end_with(session: Session, parent: Job, counts: dict[str, int]) -> None:
    """End a parent whose children all have, by how they ended; what it found itself stays."""
    total = sum(counts.values())
    failed, cancelled = counts.get("failed", 0), counts.get("cancelled", 0)
    own = {name: value for name, value in (parent.result or {}).items() if name not in _ENDS}
    result = {**own, **counts}
    if parent.cancel_requested_at is not None or (total and cancelled == total):
        end(session, parent, "cancelled", result=result)
        return
    if failed and failed + cancelled == total:
        problem = _NO_NOTE if parent.kind == NOTE else _NO_DOCUMENT
        end(session, parent, "failed", error=problem, result=result)
        return
    # A retry may have made good what was told of before.
    warnings = [each for each in parent.warnings if each.get("code") not in _TOLD]
    for word, count in (("failed", failed), ("cancelled", cancelled)):
        if count:
            message = f"{count} of {total} {'were ' if word == 'cancelled' else ''}{word}"
            warnings.append({"code": f"{_unit_of(parent)}-{word}", "message": message})
    end(session, parent, "completed", result=result, warnings=warnings)


def _unit_of(parent: Job) -> str:
    """Return what a parent's children are counted as."""
    return "notes" if parent.kind == NOTE else "documents"


_PAID = sa.select(
    sa.func.coalesce(sa.func.sum(Job.cost), 0.0), sa.func.coalesce(sa.func.sum(Job.tokens), 0)
).where(Job.parent_id == sa.bindparam("of_parent"))
_ENDS = ("completed", "failed", "cancelled")
_TOLD = ("documents-failed", "documents-cancelled", "notes-failed", "notes-cancelled")
_NO_DOCUMENT = {
    "type": "/problems/unreadable-file",
    "title": "Unreadable file",
    "detail": "None of the documents could be read; see each one.",
    "retryable": False,
}
_NO_NOTE = {
    "type": "/problems/provider-error",
    "title": "Provider error",
    "detail": "None of the notes could be written; see each one.",
    "retryable": False,
}
