"""What is to become of an item: its file or text is taken, its document goes, or neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ragline.imports.sources import ItemWarning
from ragline.models import ZoteroItem, ZoteroLibrary

ATTACHMENT = "attachment"
LEFT = ("note", "annotation")
"""Items of which nothing becomes a document."""
STORED = ("imported_file", "imported_url")
"""Ways of attaching a file whose content is in Zotero's storage."""


@dataclass(frozen=True, slots=True)
class Family:
    """An item with what it hangs on, and what hangs on the same, itself included.

    Of a work, the latter are its own attachments.
    """

    row: ZoteroItem
    parent: ZoteroItem | None
    siblings: Sequence[ZoteroItem]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with an item, and what its owner should know of it."""

    action: Literal["file", "text", "remove", "leave"]
    warning: ItemWarning | None = None


def judge(library: ZoteroLibrary, family: Family) -> Verdict:
    """Return the verdict on an item."""
    row = family.row
    fields, kind = row.data or {}, (row.data or {}).get("itemType")
    if not is_wanted(library, row, family.parent):
        return _remove(row)
    if kind in LEFT:
        return Verdict("leave")
    if kind == ATTACHMENT:
        return _of_file(row, fields)
    files = [each for each in family.siblings if is_wanted(library, each, row)]
    if any(_of_file(each, each.data or {}).action == "file" for each in files):
        return Verdict("leave")
    return Verdict("text")


def is_wanted(library: ZoteroLibrary, row: ZoteroItem, parent: ZoteroItem | None) -> bool:
    """Tell whether an item is in the library, out of the trash, and in a chosen collection."""
    fields = row.data or {}
    above: Mapping[str, Any] = {} if parent is None else parent.data or {}
    if fields.get("deleted") or above.get("deleted"):
        return False
    if not library.collections:
        return True
    # What hangs on a work is where the work is.
    chosen = fields if parent is None else above
    return not set(library.collections).isdisjoint(chosen.get("collections") or ())


def identity_of(library: ZoteroLibrary, family: Family) -> str:
    """Return what the document of an item is known by, the same with every sync.

    One file of a work bears the work's own name, as in imports of exports: a PDF rather than
    another one, then the oldest.
    """
    row = family.row
    if row.external_id:
        return row.external_id
    if family.parent is None:
        return f"zotero:{library.library}/{row.key}"
    of_work = f"zotero:{library.library}/{family.parent.key}"
    files = [
        each
        for each in family.siblings
        if is_wanted(library, each, family.parent)
        and _of_file(each, each.data or {}).action == "file"
    ]
    is_taken = any(each.external_id == of_work for each in family.siblings)
    if not is_taken and files and min(files, key=_rank).key == row.key:
        return of_work
    return f"{of_work}/{row.key}"


def name_of(row: ZoteroItem) -> str:
    """Return an attachment's file name, or another one that shows what is meant."""
    fields = row.data or {}
    return str(fields.get("filename") or fields.get("title") or row.key)[:500]


def _of_file(row: ZoteroItem, fields: Mapping[str, Any]) -> Verdict:
    mode = fields.get("linkMode")
    if mode == "linked_file":
        return _remove(
            row,
            "linked-file",
            "is a link to a file on its owner's machine, which Zotero's server does not hold. "
            "Add it as a stored copy.",
        )
    if mode not in STORED:
        return _remove(row)
    if not fields.get("md5"):
        return _remove(
            row,
            "missing-file",
            "is not in Zotero's storage: it was not uploaded yet, or is kept by WebDAV. It is "
            "taken by the next sync after it came.",
        )
    return Verdict("file")


def _remove(row: ZoteroItem, code: str = "", words: str = "") -> Verdict:
    warning = ItemWarning(code, f"{name_of(row)} {words}", row.key) if code else None
    return Verdict("remove" if row.document_id else "leave", warning)


def _rank(row: ZoteroItem) -> tuple[bool, str, str]:
    fields = row.data or {}
    is_pdf = fields.get("contentType") == "application/pdf"
    return not is_pdf, str(fields.get("dateAdded") or ""), row.key
