"""Batches of files that were put into a vector store together: each is a job."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.jobs import control
from ragline.models import Job, StoreFile
from ragline.openai_api import store_rows
from ragline.openai_api.ids import own, shown, unknown
from ragline.openai_api.schemas import unix
from ragline.openai_api.store_files import add
from ragline.openai_api.store_schemas import (
    BatchObject,
    FileCounts,
    FileRequest,
    FileStatus,
    StoreFileListing,
    StoreFileObject,
)
from ragline.openai_api.stores import owned_store


def add_batch(
    runtime: Runtime,
    caller: Caller,
    store_id: str,
    asked: Sequence[FileRequest],
    *,
    key: str | None,
) -> BatchObject:
    """Put files into a vector store; one that nothing here reads harms no other."""

    def told(session: Session, project_id: str, job_id: str) -> BatchObject:
        return _view(session, project_id, job_id)

    return add(runtime, caller, store_id, asked, BatchObject, told, key=key)


def get_batch(runtime: Runtime, caller: Caller, store_id: str, batch_id: str) -> BatchObject:
    """Return a batch."""
    with runtime.database.read() as session:
        project = owned_store(session, caller, store_id)
        return _view(session, project.id, own("vsfb_", batch_id))


def cancel_batch(runtime: Runtime, caller: Caller, store_id: str, batch_id: str) -> BatchObject:
    """Cancel what of a batch is not done; its files are cancelled once that is taken back.

    Raises `Conflict` where it has ended.
    """
    with runtime.database.read() as session:
        project = owned_store(session, caller, store_id)
        job_id = own("vsfb_", batch_id)
        _view(session, project.id, job_id)
    control.cancel(runtime, caller.tenant_id, job_id)
    with runtime.database.read() as session:
        return _view(session, project.id, job_id)


def list_batch(
    runtime: Runtime, caller: Caller, store_id: str, batch_id: str, wanted: StoreFileListing
) -> tuple[list[StoreFileObject], bool]:
    """Return the files of a batch, and whether there are more."""
    with runtime.database.read() as session:
        project = owned_store(session, caller, store_id)
        job_id = own("vsfb_", batch_id)
        _view(session, project.id, job_id)
        return store_rows.part(session, project.id, wanted, batch=job_id)


def _view(session: Session, project_id: str, job_id: str) -> BatchObject:
    """Return a batch as clients see it; its job may have been cleaned up since."""
    job = session.get(Job, job_id)
    if job is not None and job.project_id != project_id:
        job = None
    created = _first_placed(session, project_id, job_id) or (job.created_at if job else None)
    if created is None:
        raise unknown("vsfb_", shown("vsfb_", job_id))
    counts = store_rows.sums(session, [project_id], batch=job_id)[project_id].shown
    return BatchObject(
        id=shown("vsfb_", job_id),
        created_at=unix(created),
        vector_store_id=shown("vs_", project_id),
        status=_status(job, counts),
        file_counts=counts,
    )


def _status(job: Job | None, counts: FileCounts) -> FileStatus:
    if counts.in_progress:
        return "in_progress"
    if job is not None and job.outcome == "cancelled":
        return "cancelled"
    return "failed" if counts.failed and counts.failed == counts.total else "completed"


def _first_placed(session: Session, project_id: str, job_id: str) -> datetime | None:
    query = sa.select(sa.func.min(StoreFile.created_at)).where(
        StoreFile.project_id == project_id, StoreFile.batch_id == job_id
    )
    return session.scalar(query)
