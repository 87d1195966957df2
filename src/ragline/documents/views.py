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
    job_of = _latest_jobs(session, ids)
    status_of = statuses(session, list(job_of.values()))
    return {document: status_of[job] for document, job in job_of.items()}


def being_cancelled(session: Session, documents: Sequence[Document]) -> set[str]:
    """Return the ids of those whose latest job is being taken back."""
    if not documents:
        return set()
    job_of = _latest_jobs(session, [document.id for document in documents])
    asked = session.scalars(
        sa.select(Job.document_id).where(
            Job.id.in_(job_of.values()), Job.cancel_requested_at.is_not(None), Job.outcome.is_(None)
        )
    )
    return {document_id for document_id in asked if document_id is not None}


def _latest_jobs(session: Session, document_ids: Sequence[str]) -> dict[str, str]:
    jobs = (
        sa.select(Job.document_id, Job.id)
        .where(Job.document_id.in_(document_ids), Job.kind == "ingest")
        .order_by(Job.created_at, Job.id)
    )
    return {str(document): job for document, job in session.execute(jobs)}
