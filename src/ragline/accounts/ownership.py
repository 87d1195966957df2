"""What belongs to a tenant; unknown and not-yours are the same answer."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.errors import NotFound
from ragline.models import Document, Project


def owned_project(session: Session, tenant_id: str, project_id: str) -> Project:
    """Return a project of the tenant or raise `NotFound`."""
    project = session.scalar(
        sa.select(Project).where(
            Project.id == project_id,
            Project.tenant_id == tenant_id,
            Project.deleted_at.is_(None),
        )
    )
    if project is None:
        raise NotFound(f"There is no project with the id {project_id!r}.")
    return project


def owned_document(session: Session, tenant_id: str, document_id: str) -> Document:
    """Return a document of the tenant or raise `NotFound`."""
    document = session.scalar(
        sa.select(Document)
        .join(Project, Project.id == Document.project_id)
        .where(
            Document.id == document_id,
            Document.tenant_id == tenant_id,
            Project.deleted_at.is_(None),
        )
    )
    if document is None:
        raise NotFound(f"There is no document with the id {document_id!r}.")
    return document
