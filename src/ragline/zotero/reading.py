"""The second step of a sync: what the library says of the items that changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.failpoints import failpoint
from ragline.imports.fitting import clean
from ragline.jobs import service as jobs
from ragline.models import ZoteroItem
from ragline.zotero.asking import asking
from ragline.zotero.looking import mark_gone, mark_works_due
from ragline.zotero.progress import note_progress
from ragline.zotero.rows import library_of_job

ITEMS_AT_ONCE = 50
# Of these nothing becomes a document.
_LEFT = ("note", "annotation")


def read_some(runtime: Runtime, job_id: str, workflow_id: str) -> bool:
    """Read some items that changed and mark whose files are to be taken; say if any were left.

    What was read is kept with how far that came, so that a second run reads what is left.
    """
    library = library_of_job(runtime, job_id)
    with runtime.database.read() as session:
        keys = list(session.scalars(_UNREAD, {"of_library": library.id}))
    if not keys:
        return False
    with asking(runtime, library, job_id, workflow_id) as ask:
        items = ask(lambda zotero: zotero.items(keys))
    failpoint("zotero.items_read")
    found = {str(item.get("key")): item for item in items}
    with runtime.database.write() as session:
        job = jobs.open_job(session, job_id, workflow_id)
        mark_gone(session, library.id, [key for key in keys if key not in found])
        _keep(session, library.id, [key for key in keys if key in found], found)
        note_progress(session, job)
    return True


def _keep(
    session: Session, library_id: str, keys: Sequence[str], found: Mapping[str, dict[str, Any]]
) -> None:
    works, parents = [], []
    for row in session.scalars(_ROWS, {"of_library": library_id, "keys": keys}):
        item = found[row.key]
        data = item.get("data")
        fields = data if isinstance(data, dict) else {}
        kind = fields.get("itemType")
        row.parent_key = _key(fields.get("parentItem"))
        row.data = {"itemType": kind} if kind in _LEFT else storable(fields)
        row.read_version = row.wanted_version
        row.due = row.due or kind not in _LEFT
        if kind not in (*_LEFT, "attachment"):
            works.append(row.key)
        elif kind == "attachment" and row.parent_key:
            parents.append(row.parent_key)
    # What a work says of itself stands in the documents of its files.
    session.execute(_FILES_DUE, {"of_library": library_id, "keys": works})
    mark_works_due(session, library_id, parents)


def storable(value: Any) -> Any:
    """Return JSON that every database can keep: no NUL, no half characters."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [storable(each) for each in value]
    if isinstance(value, dict):
        return {clean(str(name)): storable(each) for name, each in value.items()}
    return value


def _key(value: object) -> str | None:
    return value[:8] if isinstance(value, str) and value else None


_of_library = ZoteroItem.library_id == sa.bindparam("of_library")
_UNREAD = (
    sa.select(ZoteroItem.key)
    .where(_of_library, ZoteroItem.read_version < ZoteroItem.wanted_version)
    .order_by(ZoteroItem.key)
    .limit(ITEMS_AT_ONCE)
)
_ROWS = sa.select(ZoteroItem).where(
    _of_library, ZoteroItem.key.in_(sa.bindparam("keys", expanding=True))
)
_FILES_DUE = (
    sa.update(ZoteroItem)
    .where(_of_library, ZoteroItem.parent_key.in_(sa.bindparam("keys", expanding=True)))
    .values(due=True)
    .execution_options(synchronize_session=False)
)
