"""Connected libraries as rows: whose they are, and which one a job works on."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_project
from ragline.bootstrap import Runtime
from ragline.errors import NotFound
from ragline.models import Job, ZoteroLibrary


def owned_library(
    session: Session, tenant_id: str, project_id: str, library_id: str, *, lock: bool = False
) -> ZoteroLibrary:
    """Return a library connected to a project or raise `NotFound`; `lock` is for changing it."""
    owned_project(session, tenant_id, project_id)
    query = _OWNED.with_for_update() if lock else _OWNED
    found = session.scalar(query, {"library_id": library_id, "project_id": project_id})
    if found is None:
        raise NotFound(f"There is no connected library with the id {library_id!r}.")
    return found


def library_of_job(runtime: Runtime, job_id: str) -> ZoteroLibrary:
    """Return the library that a job works on; raise `NotFound` where it was disconnected."""
    with runtime.database.read() as session:
        job = session.get_one(Job, job_id)
        library = session.get(ZoteroLibrary, (job.inputs or {}).get("library_id", ""))
    if library is None:
        raise NotFound("The library was disconnected; nothing of it is taken any more.")
    return library


_OWNED = sa.select(ZoteroLibrary).where(
    ZoteroLibrary.id == sa.bindparam("library_id"),
    ZoteroLibrary.project_id == sa.bindparam("project_id"),
)
