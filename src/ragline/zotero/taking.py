"""The third step of a sync: files become documents, and those of removed items go."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.documents import service as documents
from ragline.documents.schemas import TakenFile
from ragline.documents.storing import Submission
from ragline.errors import NotFound, Overloaded, RaglineError, TooLarge, UnreadableFile
from ragline.failpoints import failpoint
from ragline.imports.fitting import clean, fitting
from ragline.imports.keeping import Kept, better_there, keep_contents
from ragline.imports.libraries import STAND_IN
from ragline.imports.sources import Item, ItemWarning
from ragline.ingestion.files import remove_file
from ragline.jobs import service as jobs
from ragline.jobs.turnstile import turnstile_of
from ragline.models import Document, ZoteroItem, ZoteroLibrary
from ragline.references.records import Reference
from ragline.references.zotero import reference_of
from ragline.zotero.asking import Asking, asking
from ragline.zotero.files import Damaged, fetch
from ragline.zotero.judging import Family, identity_of, judge, name_of
from ragline.zotero.progress import note_progress
from ragline.zotero.removing import remove_documents
from ragline.zotero.rows import library_of_job

ITEMS_AT_ONCE = 10
FULL_SECONDS = 2.0


@dataclass
class Handful:
    """Some due items on their way: what is taken of each, or why it is not."""

    families: Mapping[str, Family]
    documents: Mapping[str, Document]
    items: dict[str, Item] = field(default_factory=dict)
    warnings: dict[str, ItemWarning] = field(default_factory=dict)
    again: set[str] = field(default_factory=set)
    removed: list[str] = field(default_factory=list)

    def warn(self, row: ZoteroItem, code: str, words: str, *, again: bool = False) -> None:
        """Note why nothing is taken of an item, and whether to try once more."""
        self.warnings[row.key] = ItemWarning(code, f"{name_of(row)} {words}", row.key)
        if again:
            self.again.add(row.key)


def take_some(runtime: Runtime, job_id: str, workflow_id: str) -> bool:
    """Take the files and texts of some due items; say if any were left.

    Documents, their jobs and how far the sync came are one transaction, so that a second run
    goes on with what is left. A document is known by its item: none comes twice.
    """
    library = library_of_job(runtime, job_id)
    with runtime.database.read() as session:
        handful = _handful(session, library)
    if not handful.families:
        return False
    with ExitStack() as held, asking(runtime, library, job_id, workflow_id) as ask:
        for family in handful.families.values():
            _prepare(runtime, library, ask, handful, family, held)
        kept, refused = keep_contents(runtime, list(handful.items.values()))
        failpoint("zotero.files_stored")
        keep = functools.partial(
            _keep, runtime, job_id, workflow_id, library, handful, kept, refused
        )
        dropped = _when_there_is_room(keep, turnstile_of(runtime, job_id, workflow_id).pause)
    failpoint("zotero.files_taken")
    for content_hash in dropped:
        # The clean-up finds what stays.
        with suppress(RaglineError, OSError):
            remove_file(runtime, content_hash)
    remove_documents(runtime, job_id, workflow_id, library, handful.removed)
    return True


def _handful(session: Session, library: ZoteroLibrary) -> Handful:
    rows = session.scalars(_DUE, {"of_library": library.id}).all()
    tops = [row.parent_key or row.key for row in rows]
    values = {"of_library": library.id, "keys": tops}
    works = {row.key: row for row in session.scalars(_ROWS, values)}
    files: dict[str, list[ZoteroItem]] = {}
    for row in session.scalars(_CHILDREN, values):
        files.setdefault(str(row.parent_key), []).append(row)
    known = [row.document_id for row in rows if row.document_id]
    found = session.scalars(sa.select(Document).where(Document.id.in_(known)))
    families = {
        row.key: Family(
            row, works.get(row.parent_key or ""), files.get(row.parent_key or row.key, [])
        )
        for row in rows
    }
    # First those that go: what stands in for a file comes after it is gone.
    going = {key: each for key, each in families.items() if judge(library, each).action == "remove"}
    return Handful(going or families, {document.id: document for document in found})


def _prepare(
    runtime: Runtime,
    library: ZoteroLibrary,
    ask: Asking,
    handful: Handful,
    family: Family,
    held: ExitStack,
) -> None:
    """Fetch the file of an attachment, or the text of a work, or note why there is none."""
    row, verdict = family.row, judge(library, family)
    if verdict.warning:
        handful.warnings[row.key] = verdict.warning
    if verdict.action == "remove":
        handful.removed.append(row.key)
    if verdict.action == "text":
        _stand_in(library, handful, family)
    if verdict.action != "file":
        return
    try:
        path = fetch(runtime, ask, row, handful.documents.get(row.document_id or ""), held)
    except NotFound:
        handful.warn(row, "missing-file", "is not in Zotero's storage.", again=True)
    except Damaged:
        handful.warn(row, "damaged-file", "is not what Zotero says it is.", again=True)
    except (TooLarge, UnreadableFile) as error:
        handful.warn(row, "unreadable-type", f"cannot be taken: {error.message}")
    else:
        opened = functools.partial(_opened, path)
        handful.items[row.key] = _item(library, handful, family, name_of(row), opened)


def _stand_in(library: ZoteroLibrary, handful: Handful, family: Family) -> None:
    """Have a work without a file stand for itself, with what it says of itself."""
    row, work = family.row, _work(library, family)
    said = clean(work.abstract or "").strip()
    if not said:
        if row.document_id:
            handful.removed.append(row.key)
        words = "has neither a file nor an abstract; it was left out."
        handful.warn(row, "nothing-to-read", words)
        return
    text = "\n\n".join([work.title, said] if work.title else [said])
    opened = functools.partial(io.BytesIO, text.encode("utf-8", "replace"))
    handful.items[row.key] = _item(library, handful, family, STAND_IN, opened, text=True)


def _item(
    library: ZoteroLibrary,
    handful: Handful,
    family: Family,
    name: str,
    opened: Callable[[], BinaryIO],
    *,
    text: bool = False,
) -> Item:
    work = _work(library, family)
    metadata, _ = fitting({**work.metadata(), "zotero_key": family.row.key})
    identity = identity_of(library, family)
    # Of those that come together, one alone has the work's name.
    family.row.external_id = identity
    return Item(
        identity,
        name,
        opened,
        title=work.title or name_of(family.row),
        metadata=metadata,
        media_type="text/plain" if text else None,
        stands_in=text,
    )


def _work(library: ZoteroLibrary, family: Family) -> Reference:
    """Return the work that a file belongs to, or what a file says of itself."""
    kind, _, number = library.library.partition("/")
    whose = {"type": kind.removesuffix("s"), "id": number}
    of = family.parent or family.row
    item = {"key": of.key, "library": whose, "data": {**(of.data or {}), "library": whose}}
    return reference_of(item, collections=library.collection_paths)


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")


def _keep(
    runtime: Runtime,
    job_id: str,
    workflow_id: str,
    library: ZoteroLibrary,
    handful: Handful,
    kept: Sequence[Kept],
    refused: Sequence[ItemWarning],
) -> set[str]:
    """Keep what was stored, and that it is no longer due; return hashes of files not needed."""
    dropped: set[str] = set()
    told: list[TakenFile] = []
    with runtime.database.write() as session:
        better = better_there(session, library.project_id, [each.item for each in kept])
        wanted = [each for each in kept if each.item.identity not in better]
        passed_over = [each for each in kept if each.item.identity in better]
        dropped |= {each.upload.blob.content_hash for each in passed_over}
        if wanted:
            submission = Submission([each.upload for each in wanted], parent_id=job_id)
            told = documents.keep_all(
                runtime, library.tenant_id, library.project_id, [submission], dropped=dropped
            )[0].files
        # Its row last: a child that ends locks its document and itself before its parent.
        job = jobs.open_job(session, job_id, workflow_id)
        identities = [each.item.identity for each in wanted]
        _settle(session, library.id, handful, dict(zip(identities, told, strict=True)))
        warnings = [*handful.warnings.values(), *refused]
        note_progress(session, job, told=told, warnings=warnings, passed_over=len(passed_over))
        failpoint("zotero.committing")
    return dropped


def _settle(
    session: Session, library_id: str, handful: Handful, told: Mapping[str, TakenFile]
) -> None:
    values = {"of_library": library_id, "keys": list(handful.families)}
    for row in session.scalars(_ROWS, values):
        row.due = row.key in handful.removed
        row.again = row.key in handful.again
        warning = handful.warnings.get(row.key)
        row.problem = None if warning is None else warning.as_json()
        item = handful.items.get(row.key)
        file = None if item is None else told.get(item.identity)
        if item is not None and file is not None:
            row.external_id, row.document_id = item.identity, file.document_id
            row.owned = file.change != "duplicate"
            row.md5 = (row.data or {}).get("md5")


def _when_there_is_room(keep: Callable[[], set[str]], pause: Callable[[float], None]) -> set[str]:
    """Wait while the backlog is full: a sync is no reason to turn others away."""
    while True:
        try:
            return keep()
        except Overloaded as error:
            pause(error.retry_after or FULL_SECONDS)


_of_library = ZoteroItem.library_id == sa.bindparam("of_library")
_keys: sa.BindParameter[str] = sa.bindparam("keys", expanding=True)
# Works after what hangs on them: a text stands in only for files that are not there or gone.
_DUE = (
    sa.select(ZoteroItem)
    .where(_of_library, ZoteroItem.due.is_(True))
    .order_by(ZoteroItem.parent_key.is_(None), ZoteroItem.key)
    .limit(ITEMS_AT_ONCE)
)
_ROWS = sa.select(ZoteroItem).where(_of_library, ZoteroItem.key.in_(_keys))
_CHILDREN = sa.select(ZoteroItem).where(_of_library, ZoteroItem.parent_key.in_(_keys))
