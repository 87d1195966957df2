"""A newer version takes the place of a document's older one, in the transaction it is published."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.models import Document, DocumentVersion, Job


def replace(session: Session, document: Document, job: Job) -> set[str]:
    """Make what a job built the document's row, and forget versions that are behind it.

    Returns the hashes of files that the document does not need any more. Its row is locked, and
    its new content with `lock_contents`.
    """
    newer = session.get(DocumentVersion, job.id)
    before = {document.stored_hash}
    if newer is not None:
        document.title, document.filename = newer.title, newer.filename
        document.media_type, document.size_bytes = newer.media_type, newer.size_bytes
        document.metadata_ = newer.metadata_
        document.page_count, document.language = newer.page_count, newer.language
        if document.stored_hash != newer.content_hash:
            is_elsewhere = session.scalar(
                sa.select(Document.id).where(
                    Document.project_id == document.project_id,
                    Document.content_hash == newer.content_hash,
                )
            )
            document.hold(newer.content_hash, is_elsewhere=is_elsewhere is not None)
    ahead = sa.select(Job.id).where(Job.document_id == document.id, Job.version > job.version)
    behind = sa.and_(
        DocumentVersion.document_id == document.id, DocumentVersion.job_id.not_in(ahead)
    )
    before |= set(session.scalars(sa.select(DocumentVersion.content_hash).where(behind)))
    session.execute(sa.delete(DocumentVersion).where(behind))
    return before - {document.stored_hash}
