"""Rows as the documents that clients see."""

from __future__ import annotations

from ragline.documents.schemas import DocumentView
from ragline.models import Document


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
