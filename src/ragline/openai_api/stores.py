"""Vector stores: projects, with what OpenAI's interface says about them beyond."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.errors import InvalidInput, NotFound
from ragline.http.idempotency import Once, once
from ragline.models import Project, VectorStore, new_id, now
from ragline.openai_api import store_rows
from ragline.openai_api.attaching import attach
from ragline.openai_api.ids import own, shown, unknown
from ragline.openai_api.listing import Place, part_of
from ragline.openai_api.schemas import Listing, unix
from ragline.openai_api.store_schemas import (
    FileRequest,
    StoreChange,
    StoreExpiry,
    StoreObject,
    StoreRequest,
)
from ragline.projects import deletion
from ragline.projects.service import change_project, create_project

# A store expires after days: noting each use would make every search a write.
ACTIVE_FOR = timedelta(hours=1)


class Expired(InvalidInput):
    """The vector store was not used for as long as its owner wanted it kept."""

    slug = "vector-store-expired"
    title = "Vector store expired"


def create_store(
    runtime: Runtime, caller: Caller, asked: StoreRequest, key: str | None
) -> StoreObject:
    """Make a project, with the files it begins with."""

    def make() -> StoreObject:
        with runtime.database.write() as session:
            name = _free_name(runtime, session, caller, asked.name)
            project = create_project(
                runtime, caller, name=name, description=asked.description, language=None
            )
            terms = VectorStore(
                project_id=project.id,
                metadata_=dict(asked.metadata or {}),
                expires_days=asked.expires_after.days if asked.expires_after else None,
            )
            session.add(terms)
            session.flush()
            if asked.file_ids:
                files = [FileRequest(file_id=each) for each in asked.file_ids]
                attach(runtime, session, caller, project.id, files)
            sums = store_rows.sums(session, [project.id])[project.id]
            return view_of(project, terms, sums)

    request = Once(caller.tenant_id, key, ("vector store", asked.model_dump()))
    return once(runtime.database, request, StoreObject, make)


def get_store(runtime: Runtime, caller: Caller, store_id: str) -> StoreObject:
    """Return a vector store."""
    with runtime.database.read() as session:
        project = owned_store(session, caller, store_id)
        terms = session.get(VectorStore, project.id)
        return view_of(project, terms, store_rows.sums(session, [project.id])[project.id])


def list_stores(
    runtime: Runtime, caller: Caller, wanted: Listing
) -> tuple[list[StoreObject], bool]:
    """Return vector stores, and whether there are more."""
    query = (
        sa.select(Project, VectorStore)
        .outerjoin(VectorStore, VectorStore.project_id == Project.id)
        .where(Project.tenant_id == caller.tenant_id, Project.deleted_at.is_(None))
    )

    def place_of(store_id: str) -> Place:
        project = owned_store(session, caller, store_id)
        return project.created_at, project.id

    with runtime.database.read() as session:
        order = (Project.created_at.expression, Project.id.expression)
        rows, more = part_of(session, query, order, wanted, place_of)
        sums = store_rows.sums(session, [project.id for project, _ in rows])
    return [view_of(project, terms, sums[project.id]) for project, terms in rows], more


def change_store(
    runtime: Runtime, caller: Caller, store_id: str, asked: StoreChange
) -> StoreObject:
    """Change what is given; this counts as a use."""
    given = asked.model_fields_set
    with runtime.database.write() as session:
        project = owned_store(session, caller, store_id)
        if asked.name is not None:
            change_project(runtime, caller, project.id, {"name": asked.name})
        terms = session.get(VectorStore, project.id)
        if terms is None:
            terms = VectorStore(project_id=project.id, metadata_={})
            session.add(terms)
        if "metadata" in given:
            terms.metadata_ = dict(asked.metadata or {})
        if "expires_after" in given:
            terms.expires_days = asked.expires_after.days if asked.expires_after else None
        terms.last_active_at = now()
        session.flush()
        return view_of(project, terms, store_rows.sums(session, [project.id])[project.id])


def delete_store(runtime: Runtime, caller: Caller, store_id: str) -> None:
    """Delete a project with all it holds; the files that were uploaded stay."""
    with runtime.database.read() as session:
        project = owned_store(session, caller, store_id)
    deletion.accept_deletion(runtime, caller, project.id)


def owned_store(session: Session, caller: Caller, store_id: str) -> Project:
    """Return the project that a vector store is; raise `NotFound` where there is none."""
    try:
        return owned_project(session, caller.tenant_id, own("vs_", store_id))
    except NotFound:
        raise unknown("vs_", store_id) from None


def use_store(runtime: Runtime, caller: Caller, store_id: str) -> Project:
    """Return a vector store that is to be used, and note that it is.

    Raises `Expired` where it was not used for too long.
    """
    with runtime.database.read() as session:
        project = owned_store(session, caller, store_id)
        terms = session.get(VectorStore, project.id)
    if terms is None:
        return project
    expires, moment = _expires_at(terms), now()
    if expires is not None and expires <= moment:
        raise Expired(
            f"The vector store {store_id!r} has expired; give it another expires_after to use it."
        )
    if terms.last_active_at < moment - ACTIVE_FOR:
        with runtime.database.write() as session:
            session.execute(
                sa.update(VectorStore)
                .where(VectorStore.project_id == project.id)
                .values(last_active_at=moment)
            )
    return project


def view_of(project: Project, terms: VectorStore | None, sums: store_rows.Sums) -> StoreObject:
    """Return a vector store as clients see it."""
    days = terms.expires_days if terms else None
    expires = _expires_at(terms) if terms else None
    status = "in_progress" if sums.counts["in_progress"] else "completed"
    return StoreObject(
        id=shown("vs_", project.id),
        created_at=unix(project.created_at),
        name=project.name,
        description=project.description,
        usage_bytes=sums.bytes,
        file_counts=sums.shown,
        status="expired" if expires and expires <= now() else status,
        expires_after=StoreExpiry(anchor="last_active_at", days=days) if days else None,
        expires_at=unix(expires) if expires else None,
        last_active_at=unix(terms.last_active_at if terms else project.created_at),
        metadata=terms.metadata_ if terms else {},
    )


def _expires_at(terms: VectorStore) -> datetime | None:
    days = terms.expires_days
    return None if days is None else terms.last_active_at + timedelta(days=days)


def _free_name(runtime: Runtime, session: Session, caller: Caller, wanted: str | None) -> str:
    """Return a name that no project has: names of vector stores need not differ, those must."""
    word = new_id()[:8]
    if wanted is None:
        return f"vector store {word}"
    runtime.database.lock(session, f"project:{caller.tenant_id}:{wanted}")
    query = sa.select(Project.id).where(
        Project.tenant_id == caller.tenant_id, Project.name == wanted
    )
    taken = session.scalar(query) is not None
    return f"{wanted[:180]} ({word})" if taken else wanted
