"""What happens when a document cannot be ingested: nothing half-built stays."""

from __future__ import annotations

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.jobs import service as jobs
from ragline.models import Chunk, Job


def abandon(runtime: Runtime, job_id: str, error: BaseException) -> None:
    """Remove what the attempt built and end its job as failed; safe to run twice.

    A job that has ended keeps its outcome and everything it published. The texts of pages
    stay: they were paid for, and another attempt starts from them.
    """
    with runtime.database.write() as session:
        job = session.get_one(Job, job_id)
        document_id, version = job.document_id, job.version
        if job.outcome not in (None, "failed"):
            return
        session.execute(
            sa.delete(Chunk).where(Chunk.document_id == document_id, Chunk.version == version)
        )
        jobs.fail(session, job, error)
    if document_id is not None and version is not None:
        runtime.vector_store.delete(document_id=document_id, version=version)
