"""A note on its way into its library: once, and never over somebody's own words.

Its key follows from project, library and work, and it is written as one that must not be there
yet. So whoever writes it again, after a crash or from another database, finds it there, and the
mark in it says what it was written from and whether its words are still ours.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

from ragline.errors import Conflict, TemporaryProviderError
from ragline.failpoints import failpoint
from ragline.models import ZoteroNote
from ragline.zotero.asking import Asking
from ragline.zotero.note_html import mark_in

ALPHABET = "23456789ABCDEFGHIJKLMNPQRSTUVWXYZ"
TAG = "ragline"

Outcome = Literal["created", "updated", "unchanged", "edited", "removed"]


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of a note in its library, with its version and the hash of its HTML there."""

    outcome: Outcome
    version: int | None = None
    hash: str | None = None


def key_of(project_id: str, library: str, item_key: str) -> str:
    """Return the key that a work's note has in its library, in Zotero's alphabet."""
    digest = hashlib.sha256(f"note {project_id} {library} {item_key}".encode()).digest()
    number, key = int.from_bytes(digest, "big"), ""
    for _ in range(8):
        number, place = divmod(number, len(ALPHABET))
        key += ALPHABET[place]
    return key


def hash_of(html: str) -> str:
    """Return the hash by which a note's HTML is known again."""
    return hashlib.sha256(html.encode("utf-8", "replace")).hexdigest()


def look_at(ask: Asking, note: ZoteroNote) -> Pushed | None:
    """Return why a note that is in its library must not be written over; None if it may."""
    found = ask(lambda zotero: zotero.item(note.note_key))
    if found is None or found["data"].get("deleted"):
        return Pushed("removed")
    return None if _is_ours(note, found) else Pushed("edited")


def push(ask: Asking, note: ZoteroNote, html: str, written_from: str) -> Pushed:
    """Write a note into its library, or find it there; safe to run twice."""
    if note.pushed_version is None:
        try:
            return _create(ask, note, html)
        except Conflict:
            pass  # it is there: from before a crash, or from another time
    return _write_over(ask, note, html, written_from)


def _create(ask: Asking, note: ZoteroNote, html: str) -> Pushed:
    item = {
        "key": note.note_key,
        "version": 0,
        "itemType": "note",
        "parentItem": note.item_key,
        "note": html,
        "tags": [{"tag": TAG}],
        "collections": [],
        "relations": {},
    }
    written = ask(lambda zotero: zotero.write(item))
    failpoint("note.pushed")
    return _pushed("created", written)


def _write_over(ask: Asking, note: ZoteroNote, html: str, written_from: str) -> Pushed:
    found = ask(lambda zotero: zotero.item(note.note_key))
    if found is None or found["data"].get("deleted"):
        return Pushed("removed")
    mark = mark_in(str(found["data"].get("note", "")))
    if mark is not None and mark.is_intact and mark.written_from == written_from[:16]:
        # It came here, and its answer was lost.
        return _pushed("unchanged" if note.pushed_version else "created", found)
    if not _is_ours(note, found):
        return Pushed("edited")
    change = {"key": note.note_key, "version": found["version"], "note": html}
    try:
        written = ask(lambda zotero: zotero.write(change))
    except Conflict:
        raise TemporaryProviderError(
            "The note was changed at this moment; it is looked at again."
        ) from None
    failpoint("note.pushed")
    return _pushed("updated", written)


def _is_ours(note: ZoteroNote, found: dict[str, Any]) -> bool:
    """Tell whether nobody has changed a note since we wrote it."""
    html = str(found["data"].get("note", ""))
    if note.pushed_version is not None:
        return found["version"] == note.pushed_version or hash_of(html) == note.pushed_hash
    mark = mark_in(html)
    return mark is not None and mark.is_intact and mark.item_key == note.item_key


def _pushed(outcome: Outcome, item: dict[str, Any]) -> Pushed:
    return Pushed(outcome, int(item["version"]), hash_of(str(item["data"].get("note", ""))))
