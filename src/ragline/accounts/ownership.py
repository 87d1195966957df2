"""What belongs to a tenant; unknown and not-yours are the same answer."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.errors import NotFound
from ragline.models import Document, Project

# Built once: putting a query together costs as much as running it.
_PROJECT = sa.select(Project).where(
    Project.id == sa.bindparam("project_id"),
    Project.tenant_id == sa.bindparam("tenant_id"),
    Project.deleted_at.is_(None),
)
_DOCUMENT = (
    sa.select(Document)
    .join(Project, Project.id == Document.project_id)
    .where(
        Document.id == sa.bindparam("document_id"),
        Document.tenant_id == sa.bindparam("tenant_id"),
        Project.deleted_at.is_(None),
    )
)


def owned_project(session: Session, tenant_id: str, project_id: str) -> Project:
    """Return a project of the tenant or raise `NotFound`."""
    project = session.scalar(_PROJECT, {"project_id": project_id, "tenant_id": tenant_id})
    if project is None:
        raise NotFound(f"There is no project with the id {project_id!r}.")
    return project


def owned_document(session: Session, tenant_id: str, document_id: str) -> Document:
    """Return a document of the tenant or raise `NotFound`."""
    document = session.scalar(_DOCUMENT, {"document_id": document_id, "tenant_id": tenant_id})
    if document is None:
        raise NotFound(f"There is no document with the id {document_id!r}.")
    return document
