"""What a sync tells of itself: that it goes on, and what its owner should know."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.documents.schemas import TakenFile
from ragline.imports.keeping import note
from ragline.imports.sources import ItemWarning
from ragline.jobs import service as jobs
from ragline.models import Import, Job


def note_progress(
    session: Session,
    job: Job,
    *,
    told: Sequence[TakenFile] = (),
    warnings: Sequence[ItemWarning] = (),
    passed_over: int = 0,
    removed: int = 0,
) -> None:
    """Note that a sync got further; `job` is from `open_job`."""
    row = session.get_one(Import, job.id, populate_existing=True)
    note(job, row, told, warnings, passed_over=passed_over)
    if removed:
        row.counts = {**row.counts, "removed": int(row.counts.get("removed", 0)) + removed}
    jobs.advance(
        session,
        job,
        done=job.progress_done,
        total=session.scalar(_CHILDREN, {"of_job": job.id}),
        unit="documents",
        event="job.progress",
    )


_CHILDREN = sa.select(sa.func.count()).where(Job.parent_id == sa.bindparam("of_job"))
