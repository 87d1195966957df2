"""Jobs that wait for another one's end, outside their queue: they hold no place meanwhile.

The transaction that ends a job lets those go that wait for it. Should that never come, the
engine's own clock lets them go after a day.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.engine import attempts
from ragline.models import Job

KINDS = ("chat", "message")
"""Kinds of jobs that others may wait for."""
LONGEST_SECONDS = 24 * 3600.0
_PREFIX = "job:"


def follow(job: Job, other_id: str) -> None:
    """Let a job that is to be accepted wait for the end of an open one, whose row is locked."""
    job.waiting_for = f"{_PREFIX}{other_id}"


def follows(job: Job) -> bool:
    """Tell whether a job waits for another one's end."""
    return job.waiting_for is not None and job.waiting_for.startswith(_PREFIX)


def let_go(session: Session, job: Job, waited_for: str | None) -> None:
    """Queue the jobs that wait for one that has ended.

    `waited_for` is what it waited for itself: if that was another job, they wait for that now.
    """
    if job.kind not in KINDS:
        return
    waits_on = waited_for if waited_for and waited_for.startswith(_PREFIX) else None
    rows = session.execute(_PASS_ON, {"of_job": f"{_PREFIX}{job.id}", "reason": waits_on}).all()
    if waits_on is None:
        for workflow_id, not_before in rows:
            attempts.hasten(session, str(workflow_id), until=not_before)


_PASS_ON = (
    sa.update(Job)
    .where(
        Job.outcome.is_(None),
        Job.waiting_for == sa.bindparam("of_job"),
        Job.workflow_id.is_not(None),
    )
    .values(waiting_for=sa.bindparam("reason"))
    .returning(Job.workflow_id, Job.not_before)
    .execution_options(synchronize_session=False)
)
