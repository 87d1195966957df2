"""Rows as the documents that clients see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.documents.schemas import DocumentView, NewerVersion
from ragline.jobs.reading import statuses
from ragline.models import Document, DocumentVersion, Job


@dataclass(slots=True)
class Standing:
    """How it stands with a document: the status of its latest job, None without one.

    `newer` is what that job makes of it, where its row does not say so yet.
    """

    status: str | None
    newer: DocumentVersion | None = None


def view_of(document: Document, standing: Standing) -> DocumentView:
    """Return a document, and the version that is to replace it."""
    is_found = document.published_version is not None
    status = standing.status or ("completed" if is_found else "failed")
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
        searchable=is_found,
        version=document.published_version,
        newer=_newer(standing.newer, status) if standing.newer else None,
        created_at=document.created_at,
    )


def _newer(version: DocumentVersion, status: str) -> NewerVersion:
    return NewerVersion(
        job_id=version.job_id,
        status=status,
        title=version.title,
        filename=version.filename,
        media_type=version.media_type,
        size_bytes=version.size_bytes,
        metadata=version.metadata_,
    )


def standings(session: Session, documents: Sequence[Document]) -> dict[str, Standing]:
    """Return how it stands with each of these documents."""
    ids = [document.id for document in documents]
    if not ids:
        return {}
    job_of = _latest_jobs(session, ids)
    status_of = statuses(session, list(job_of.values()))
    versions = sa.select(DocumentVersion).where(DocumentVersion.job_id.in_(job_of.values()))
    newer = {version.job_id: version for version in session.scalars(versions)}
    found = {id_: Standing(status_of[job], newer.get(job)) for id_, job in job_of.items()}
    return {id_: found.get(id_, Standing(None)) for id_ in ids}


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
    """Return each document's latest job: the one that builds its highest version."""
    jobs = (
        sa.select(Job.document_id, Job.id)
        .where(Job.document_id.in_(document_ids), Job.kind == "ingest")
        .order_by(Job.version, Job.created_at, Job.id)
    )
    return {str(document): job for document, job in session.execute(jobs)}
