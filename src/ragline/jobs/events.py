"""The record of what happened to a job, numbered from 1 without gaps."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.database import insert_new
from ragline.models import Event, Job

TERMINAL = ("job.completed", "job.failed", "job.cancelled")
OWN = ("answer.delta",)
"""Types of which there are too many for a project's stream: the job's own alone tells them."""
_NEXT_NUMBER = (
    sa.update(Job)
    .where(Job.id == sa.bindparam("of_job"))
    .values(last_event=Job.last_event + 1)
    .returning(Job.last_event)
    .execution_options(synchronize_session=False)
)


def first_event(job: Job) -> Event:
    """Return the event that a new job begins with."""
    job.last_event = 1
    return Event(job_id=job.id, project_id=job.project_id, number=1, type="job.queued", details={})


def record(session: Session, job: Job, type: str, **details: Any) -> None:
    """Add an event in the transaction of the change it tells of.

    Counting in the job's row makes writers of one job wait for each other, so that its
    numbers have no gaps and rise in the order of the commits.
    """
    number = session.scalar(_NEXT_NUMBER, {"of_job": job.id})
    assert number is not None, "an event belongs to a job"
    record_numbered(session, job.id, job.project_id, number, type, details)


def record_numbered(
    session: Session,
    job_id: str,
    project_id: str | None,
    number: int,
    type: str,
    details: dict[str, Any],
) -> None:
    """Add the event that has the job's next number, which this transaction has taken."""
    told_to = None if type in OWN else project_id
    insert_new(
        session,
        Event(job_id=job_id, project_id=told_to, number=number, type=type, details=details),
    )
