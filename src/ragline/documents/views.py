"""Rows as the documents that clients see."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.documents.schemas import DocumentView
from ragline.jobs.reading import statuses
from ragline.models import Document, Job


def view_of(document: Document, status: str) -> DocumentView:
    """Return a document with the status of its latest job."""
    return DocumentView(
        id=document.id,
        project_id=document.project_id,
        title=document.title,
        filename=document.filename,
        external_id=document.external_id,
        media_type=document.media_type,
        size_bytes=document.size_bytes,
        pages=document.page_count,
        language=document.language,
        metadata=document.metadata_,
        status=status,
        searchable=document.published_version is not None,
        created_at=document.created_at,
    )


def statuses_of(session: Session, documents: Sequence[Document]) -> dict[str, str]:
    """Return each document's status, that of its latest job."""
    if not documents:
        return {}
    ids = [document.id for document in documents]
    latest = (
        sa.select(Job.document_id, Job.id)
        .where(Job.document_id.in_(ids), Job.kind == "ingest")
        .order_by(Job.created_at, Job.id)
    )
    job_of = {str(document): job for document, job in session.execute(latest)}
    status_of = statuses(session, list(job_of.values()))
    return {document: status_of[job] for document, job in job_of.items()}
