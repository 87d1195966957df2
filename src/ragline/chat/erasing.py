"""Taking the words of a conversation out of the job that answered it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.chat import reuse, sources
from ragline.models import Event, Job, PaidAnswer


def erase_words(session: Session, job: Job) -> list[str]:
    """Remove question, answer and pieces from a job; its history stays without them.

    An open job keeps what its attempt still reads: it is erased when its undoing ends. Returns
    the keys of kept answers to remove once this is committed: nobody else asked for them.
    """
    keys = reuse.release(session, job)
    mine = Event.job_id == job.id
    session.execute(sa.delete(PaidAnswer).where(PaidAnswer.job_id == job.id))
    sources.erase(session, job)
    session.execute(sa.delete(Event).where(mine, Event.type.startswith("answer.")))
    session.refresh(job)
    if job.outcome is None:
        return keys
    session.execute(
        sa.update(Event)
        .where(mine, Event.type == "job.completed")
        .values(details={})
        .execution_options(synchronize_session=False)
    )
    job.inputs = {"erased": True}
    if job.outcome == "completed":
        job.result = {"erased": True}
    return keys
