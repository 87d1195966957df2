"""The record of what happened to a job, numbered from 1 without gaps."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.models import Event, Job


def first_event(job: Job) -> Event:
    """Return the event that a new job begins with."""
    return Event(job_id=job.id, project_id=job.project_id, number=1, type="job.queued", details={})


def record(session: Session, job: Job, type: str, **details: Any) -> None:
    """Add an event in the transaction of the change it tells of."""
    last = session.scalar(sa.select(sa.func.max(Event.number)).where(Event.job_id == job.id))
    session.add(
        Event(
            job_id=job.id,
            project_id=job.project_id,
            number=(last or 0) + 1,
            type=type,
            details=details,
        )
    )
    # The next event of the same transaction must see this one's number.
    session.flush()
