"""What happens when a document cannot be ingested: nothing half-built stays."""

from __future__ import annotations

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.jobs import service as jobs
from ragline.models import Chunk, Document, Job


def abandon(runtime: Runtime, job_id: str, error: BaseException) -> None:
    """Remove what the attempt built and end its job as failed; safe to run twice.

    The texts of pages stay: they were paid for, and another attempt starts from them.
    """
    with runtime.database.write() as session:
        job = session.get_one(Job, job_id)
        session.execute(
            sa.delete(Chunk).where(
                Chunk.document_id == job.document_id, Chunk.version == job.version
            )
        )
        document = session.get(Document, job.document_id)
        published = document.published_version if document is not None else None
        jobs.fail(session, job, error)
    if job.document_id is not None:
        runtime.vector_store.delete(document_id=job.document_id, keep_version=published)
