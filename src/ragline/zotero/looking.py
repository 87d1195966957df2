"""The first step of a sync: what changed in the library since the last one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.database import insert_missing
from ragline.jobs import service as jobs
from ragline.models import Document, Job, ZoteroItem, ZoteroLibrary
from ragline.providers.contracts import ReferenceLibrary
from ragline.references.zotero import collection_paths
from ragline.zotero.asking import Asking, asking
from ragline.zotero.progress import note_progress
from ragline.zotero.rows import library_of_job

ROWS_AT_ONCE = 500


def look(runtime: Runtime, job_id: str, workflow_id: str) -> int:
    """Note which items are to be read and which are gone; return the library's version.

    A second run notes the same, and what came in between. The version that all was taken up to
    moves at the end of a sync only, so that what an interrupted one left is noted again.
    """
    library = library_of_job(runtime, job_id)
    with asking(runtime, library, job_id, workflow_id) as ask:
        changes = ask(lambda zotero: zotero.changes(since=library.version))
        if changes is not None:
            gone = _gone(runtime, library, ask)
            paths = _paths(ask)
    with runtime.database.write() as session:
        job = jobs.open_job(session, job_id, workflow_id)
        if changes is not None:
            session.get_one(ZoteroLibrary, library.id).collection_paths = paths
            _want(session, library.id, changes.items)
            mark_gone(session, library.id, gone)
        _try_again(session, library.id)
        note_progress(session, job)
    return library.version if changes is None else changes.version


def mark_gone(session: Session, library_id: str, keys: Sequence[str]) -> None:
    """Note that items are no longer in the library."""
    for some in _portions(keys):
        rows = session.scalars(_ROWS, {"of_library": library_id, "keys": some}).all()
        for row in rows:
            row.data = {**(row.data or {}), "deleted": 1}
            row.read_version = row.wanted_version
            row.due = True
        mark_works_due(session, library_id, [row.parent_key for row in rows if row.parent_key])


def mark_works_due(session: Session, library_id: str, keys: Sequence[str]) -> None:
    """Note that works may need a text that stands in for a file, or need it no more."""
    session.execute(_DUE, {"of_library": library_id, "keys": list(set(keys))})


def _gone(runtime: Runtime, library: ZoteroLibrary, ask: Asking) -> list[str]:
    """Return the keys of items that were removed for good since the last sync."""
    if not library.version:
        return []
    gone = ask(lambda zotero: zotero.removed(since=library.version))
    if gone is not None:
        return gone
    # The library does not remember so long: what it does not hold any more is gone.
    present = ask(lambda zotero: zotero.changes(since=0))
    held = {} if present is None else present.items
    with runtime.database.read() as session:
        known = session.scalars(sa.select(ZoteroItem.key).where(_of(library.id)))
        return [key for key in known if key not in held]


def _paths(ask: Asking) -> dict[str, str]:
    found: list[dict[str, Any]] = []

    def more(zotero: ReferenceLibrary) -> bool:
        page, total = zotero.collections(start=len(found))
        found.extend(page)
        return bool(page) and len(found) < total

    while ask(more):
        pass
    return collection_paths(found)


def _want(session: Session, library_id: str, items: Mapping[str, int]) -> None:
    for keys in _portions(list(items)):
        fresh = [
            {
                "library_id": library_id,
                "key": key,
                "wanted_version": items[key],
                "read_version": 0,
                "due": False,
                "owned": False,
                "again": False,
            }
            for key in keys
        ]
        insert_missing(session, ZoteroItem, fresh)
        newer = [{"of_library": library_id, "of_key": key, "newer": items[key]} for key in keys]
        session.connection().execute(_WANT, newer)


def _try_again(session: Session, library_id: str) -> None:
    """Have files taken that could not be, and those whose ingestion was cancelled."""
    session.execute(_AGAIN, {"of_library": library_id})
    session.execute(_CANCELLED, {"of_library": library_id})


def _portions(keys: Sequence[str]) -> list[Sequence[str]]:
    return [keys[start : start + ROWS_AT_ONCE] for start in range(0, len(keys), ROWS_AT_ONCE)]


def _of(library_id: str) -> sa.ColumnElement[bool]:
    return ZoteroItem.library_id == library_id


_of_library = ZoteroItem.library_id == sa.bindparam("of_library")
_ROWS = sa.select(ZoteroItem).where(
    _of_library, ZoteroItem.key.in_(sa.bindparam("keys", expanding=True))
)
_DUE = (
    sa.update(ZoteroItem)
    .where(_of_library, ZoteroItem.key.in_(sa.bindparam("keys", expanding=True)))
    .values(due=True)
    .execution_options(synchronize_session=False)
)
_WANT = (
    sa.update(ZoteroItem.__table__)  # type: ignore[arg-type]  # our models are tables
    .where(
        ZoteroItem.library_id == sa.bindparam("of_library"),
        ZoteroItem.key == sa.bindparam("of_key"),
        ZoteroItem.wanted_version < sa.bindparam("newer"),
    )
    .values(wanted_version=sa.bindparam("newer"))
)
_AGAIN = (
    sa.update(ZoteroItem)
    .where(_of_library, ZoteroItem.again.is_(True))
    .values(due=True, again=False)
    .execution_options(synchronize_session=False)
)
_later = orm.aliased(Job)
_cancelled = (
    sa.select(Document.id)
    .join(Job, Job.document_id == Document.id)
    .where(
        Document.published_version.is_(None),
        Job.outcome == "cancelled",
        ~sa.exists().where(_later.document_id == Document.id, _later.created_at > Job.created_at),
    )
)
_CANCELLED = (
    sa.update(ZoteroItem)
    .where(_of_library, ZoteroItem.document_id.in_(_cancelled))
    .values(due=True)
    .execution_options(synchronize_session=False)
)
