"""Connecting libraries, and having them synced."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.engine.retry import LOCAL
from ragline.errors import Conflict, Overloaded
from ragline.imports.taking import accept_import
from ragline.models import Job, Project, ZoteroItem, ZoteroLibrary, new_id
from ragline.providers import registry
from ragline.zotero.rows import owned_library
from ragline.zotero.schemas import LibraryView
from ragline.zotero.workflow import SYNC, sync

TICK = "begin_library_syncs"
SCHEDULE = "library_syncs"
MOST_LIBRARIES = 100
"""Libraries connected to one project."""
MOST_PROBLEMS = 100
_TICKS = uuid.UUID("3c1c6f0a-8f6b-4a5e-9a55-0d5e0a6c3f20")

log = structlog.get_logger()


def register(runtime: Runtime) -> None:
    """Make syncs known to the engine, and when they begin by themselves."""
    engine, cron = runtime.engine, runtime.settings.zotero_sync_schedule
    engine.register(SYNC, lambda job_id: sync(runtime, job_id))
    engine.register(TICK, lambda moment, _context: on_tick(runtime, moment))
    if cron is not None:
        engine.schedule(SCHEDULE, TICK, cron, setting="RAGLINE_ZOTERO_SYNC_SCHEDULE")


def connect(
    runtime: Runtime, caller: Caller, project_id: str, fields: Mapping[str, Any]
) -> LibraryView:
    """Connect a library to a project; nothing is asked of Zotero yet.

    Raises `Conflict` where it is connected already, `MissingPackage` without the adapter's.
    """
    registry.reference_library(
        "zotero", runtime.settings, library=fields["library"], api_key=None
    ).close()
    with runtime.database.write() as session:
        owned_project(session, caller.tenant_id, project_id)
        runtime.database.lock(session, f"libraries of {project_id}")
        there = session.scalars(_OF_PROJECT, {"project_id": project_id}).all()
        if any(each.library == fields["library"] for each in there):
            raise Conflict(f"The library {fields['library']} is connected to this project already.")
        if len(there) >= MOST_LIBRARIES:
            raise Conflict(f"{MOST_LIBRARIES} libraries are connected already; disconnect one.")
        library = ZoteroLibrary(tenant_id=caller.tenant_id, project_id=project_id, **fields)
        session.add(library)
        session.flush()
        return _view(session, library)


def list_libraries(runtime: Runtime, caller: Caller, project_id: str) -> list[LibraryView]:
    """Return the libraries connected to a project, oldest first."""
    with runtime.database.read() as session:
        owned_project(session, caller.tenant_id, project_id)
        found = session.scalars(_OF_PROJECT, {"project_id": project_id}).all()
        return [_view(session, each) for each in found]


def get_library(runtime: Runtime, caller: Caller, project_id: str, library_id: str) -> LibraryView:
    """Return a connected library."""
    with runtime.database.read() as session:
        return _view(session, owned_library(session, caller.tenant_id, project_id, library_id))


def change_library(
    runtime: Runtime, caller: Caller, project_id: str, library_id: str, changes: Mapping[str, Any]
) -> LibraryView:
    """Change key, prompt or collections; other collections have all items looked at anew."""
    with runtime.database.write() as session:
        library = owned_library(session, caller.tenant_id, project_id, library_id, lock=True)
        if "collections" in changes and set(changes["collections"]) != set(library.collections):
            session.execute(_ALL_DUE, {"of_library": library.id})
        for name, value in changes.items():
            setattr(library, name, value)
        session.flush()
        return _view(session, library)


def disconnect(runtime: Runtime, caller: Caller, project_id: str, library_id: str) -> None:
    """Forget a library with its key; its documents stay."""
    with runtime.database.write() as session:
        library = owned_library(session, caller.tenant_id, project_id, library_id, lock=True)
        session.execute(sa.delete(ZoteroLibrary).where(ZoteroLibrary.id == library.id))


def begin_sync(runtime: Runtime, caller: Caller, project_id: str, library_id: str) -> str:
    """Queue a sync and return its job's id; that of the open one if there is one."""
    with runtime.database.write() as session:
        library = owned_library(session, caller.tenant_id, project_id, library_id, lock=True)
        return _open_sync(session, library) or _queue(session, runtime, library, new_id())


def on_tick(runtime: Runtime, moment: datetime) -> None:
    """Begin a sync of each connected library; the same tick begins one of each only."""
    runtime.engine.step(begin_all, LOCAL, runtime, moment)


def begin_all(runtime: Runtime, moment: datetime) -> int:
    """Queue a sync of each connected library that has none open; return how many."""
    with runtime.database.read() as session:
        libraries = session.scalars(_CONNECTED).all()
    begun = 0
    for library_id in libraries:
        job_id = str(uuid.uuid5(_TICKS, f"{moment.isoformat()} {library_id}"))
        try:
            with runtime.database.write() as session:
                library = session.get(ZoteroLibrary, library_id, with_for_update=True)
                done = library is None or session.get(Job, job_id) is not None
                if library is None or done or _open_sync(session, library):
                    continue
                _queue(session, runtime, library, job_id)
                begun += 1
        except Overloaded:
            log.warning("zotero.sync_skipped", library_id=library_id)
    return begun


def _open_sync(session: Session, library: ZoteroLibrary) -> str | None:
    if library.job_id is None:
        return None
    return session.scalar(sa.select(Job.id).where(Job.id == library.job_id, Job.outcome.is_(None)))


def _queue(session: Session, runtime: Runtime, library: ZoteroLibrary, job_id: str) -> str:
    source = {"library_id": library.id, "library": library.library}
    job = Job(
        id=job_id,
        tenant_id=library.tenant_id,
        project_id=library.project_id,
        kind="import",
        inputs=source,
    )
    accept_import(session, runtime, job, workflow=SYNC, source={"zotero": library.library})
    library.job_id = job_id
    return job_id


def _view(session: Session, library: ZoteroLibrary) -> LibraryView:
    of_library = {"of_library": library.id}
    items, documents = session.execute(_COUNTS, of_library).one()
    problems = session.scalars(_PROBLEMS, of_library).all()
    return LibraryView(
        id=library.id,
        project_id=library.project_id,
        library=library.library,
        has_key=library.api_key is not None,
        collections=library.collections,
        prompt=library.prompt,
        version=library.version,
        items=items,
        documents=documents,
        problems=[{name: str(text) for name, text in each.items()} for each in problems],
        job_id=library.job_id,
        synced_at=library.synced_at,
        created_at=library.created_at,
    )


_OF_PROJECT = (
    sa.select(ZoteroLibrary)
    .where(ZoteroLibrary.project_id == sa.bindparam("project_id"))
    .order_by(ZoteroLibrary.created_at, ZoteroLibrary.id)
)
_CONNECTED = (
    sa.select(ZoteroLibrary.id)
    .join(Project, Project.id == ZoteroLibrary.project_id)
    .where(Project.deleted_at.is_(None))
    .order_by(ZoteroLibrary.id)
)
_of_library = ZoteroItem.library_id == sa.bindparam("of_library")
_ALL_DUE = (
    sa.update(ZoteroItem)
    .where(_of_library, ZoteroItem.data.is_not(None))
    .values(due=True)
    .execution_options(synchronize_session=False)
)
_COUNTS = sa.select(sa.func.count(), sa.func.count(sa.distinct(ZoteroItem.document_id))).where(
    _of_library
)
_PROBLEMS = (
    sa.select(ZoteroItem.problem)
    .where(_of_library, ZoteroItem.problem.is_not(None))
    .order_by(ZoteroItem.key)
    .limit(MOST_PROBLEMS)
)
