"""Documents of items that left their library: deleted or kept, as the operator set it."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
import structlog

from ragline.accounts.service import Caller, Role
from ragline.bootstrap import Runtime
from ragline.documents.deletion import delete_document
from ragline.errors import Conflict, NotFound
from ragline.failpoints import failpoint
from ragline.imports.sources import ItemWarning
from ragline.jobs import service as jobs
from ragline.models import ZoteroItem, ZoteroLibrary, ZoteroNote
from ragline.zotero.judging import name_of
from ragline.zotero.progress import note_progress

log = structlog.get_logger()


def remove_documents(
    runtime: Runtime, job_id: str, workflow_id: str, library: ZoteroLibrary, keys: Sequence[str]
) -> None:
    """Let documents of these attachments go; a second run finds those that are left.

    One that others sent too is not the library's to delete. One that is being ingested goes
    with the next sync.
    """
    for key in keys:
        with runtime.database.read() as session:
            row = session.get(ZoteroItem, (library.id, key))
        if row is None:
            continue
        gone = True
        if row.document_id and row.owned and runtime.settings.zotero_removed == "delete":
            gone = _delete(runtime, library, row.document_id)
        failpoint("zotero.document_removed")
        _note(runtime, job_id, workflow_id, row, gone=gone)


def _delete(runtime: Runtime, library: ZoteroLibrary, document_id: str) -> bool:
    caller = Caller(library.tenant_id, "", Role.OWNER)
    try:
        delete_document(runtime, caller, document_id)
    except NotFound:
        return True
    except Conflict:
        return False
    log.info("zotero.document_removed", document_id=document_id, library_id=library.id)
    return True


def _note(runtime: Runtime, job_id: str, workflow_id: str, row: ZoteroItem, *, gone: bool) -> None:
    warnings = []
    if not gone:
        message = (
            f"{name_of(row)} ({row.key}) left the library, but its document is still being "
            "ingested; the next sync removes it."
        )
        warnings.append(ItemWarning("not-removed", message, row.key))
    with runtime.database.write() as session:
        job = jobs.open_job(session, job_id, workflow_id)
        found = session.get(ZoteroItem, (row.library_id, row.key))
        if found is None or not found.due:
            return
        found.due, found.again = False, not gone
        if gone:
            found.document_id, found.owned, found.md5, found.external_id = None, False, None, None
            session.execute(_FORGET, {"of_library": row.library_id, "of_item": row.parent_key})
        note_progress(session, job, warnings=warnings, removed=int(gone))


# What a preview of a note says is a document's.
_FORGET = (
    sa.update(ZoteroNote)
    .where(
        ZoteroNote.library_id == sa.bindparam("of_library"),
        ZoteroNote.item_key == sa.bindparam("of_item"),
    )
    .values(html=None, written_from=None)
    .execution_options(synchronize_session=False)
)
