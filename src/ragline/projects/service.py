"""Projects: made, found, changed and counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.errors import Conflict
from ragline.indexes.opening import open_index
from ragline.ingestion.tidying import refuse_unable
from ragline.models import Chunk, Document, Project


@dataclass(frozen=True, slots=True)
class ProjectStats:
    """Counts of what a project holds; bytes are those of the stored files."""

    documents: int
    searchable: int
    pages: int
    chunks: int
    bytes: int


def create_project(
    runtime: Runtime,
    caller: Caller,
    *,
    name: str,
    description: str | None,
    language: str | None,
    clean: bool | None = None,
    clean_prompt: str | None = None,
) -> Project:
    """Make a project; names are unique within a tenant."""
    refuse_unable(runtime, clean)
    index_id = open_index(runtime, None).id
    with runtime.database.write() as session:
        runtime.database.lock(session, f"project:{caller.tenant_id}:{name}")
        _refuse_taken(session, caller.tenant_id, name)
        project = Project(
            tenant_id=caller.tenant_id,
            name=name,
            description=description,
            language=language,
            clean=clean,
            clean_prompt=clean_prompt,
            index_id=index_id,
        )
        session.add(project)
        session.flush()
    return project


def get_project(runtime: Runtime, caller: Caller, project_id: str) -> Project:
    """Return one project."""
    with runtime.database.read() as session:
        return owned_project(session, caller.tenant_id, project_id)


def list_projects(
    runtime: Runtime, caller: Caller, *, name: str | None, limit: int, after: str | None
) -> tuple[list[Project], bool]:
    """Return projects, oldest first, and whether there are more."""
    query = sa.select(Project).where(
        Project.tenant_id == caller.tenant_id, Project.deleted_at.is_(None)
    )
    if name is not None:
        query = query.where(Project.name == name)
    with runtime.database.read() as session:
        if after is not None:
            last = owned_project(session, caller.tenant_id, after)
            query = query.where(
                sa.tuple_(Project.created_at, Project.id)
                > sa.tuple_(
                    sa.literal(last.created_at, Project.created_at.type), sa.literal(last.id)
                )
            )
        found = session.scalars(query.order_by(Project.created_at, Project.id).limit(limit + 1))
        projects = list(found)
    return projects[:limit], len(projects) > limit


def change_project(
    runtime: Runtime, caller: Caller, project_id: str, changes: Mapping[str, str | bool | None]
) -> Project:
    """Change the fields that are given."""
    refuse_unable(runtime, changes.get("clean") is True)
    with runtime.database.write() as session:
        project = owned_project(session, caller.tenant_id, project_id)
        name = changes.get("name")
        if isinstance(name, str) and name != project.name:
            runtime.database.lock(session, f"project:{caller.tenant_id}:{name}")
            _refuse_taken(session, caller.tenant_id, name)
        for field, value in changes.items():
            setattr(project, field, value)
    return project


def project_stats(runtime: Runtime, caller: Caller, project_id: str) -> ProjectStats:
    """Count what a project holds."""
    with runtime.database.read() as session:
        owned_project(session, caller.tenant_id, project_id)
        documents, searchable, pages, size = session.execute(
            sa.select(
                sa.func.count(),
                sa.func.count(Document.published_version),
                sa.func.coalesce(sa.func.sum(Document.page_count), 0),
                sa.func.coalesce(sa.func.sum(Document.size_bytes), 0),
            ).where(Document.project_id == project_id)
        ).one()
        chunks = session.scalar(
            sa.select(sa.func.count())
            .select_from(Chunk)
            .join(Document, Document.id == Chunk.document_id)
            .where(Document.project_id == project_id, Chunk.version == Document.published_version)
        )
    return ProjectStats(
        documents=documents,
        searchable=searchable,
        pages=pages or 0,
        chunks=chunks or 0,
        bytes=size or 0,
    )


def _refuse_taken(session: Session, tenant_id: str, name: str) -> None:
    taken = sa.select(Project.id).where(Project.tenant_id == tenant_id, Project.name == name)
    if session.scalar(taken) is not None:
        raise Conflict(f"A project named {name!r} exists already; choose another name.")
