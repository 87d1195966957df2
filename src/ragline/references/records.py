"""What is known of one work, whichever format it came in."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ragline.references.flat import MAX_LIST, MAX_TEXT, bounded, flat_metadata

_ZOTERO_KEY = re.compile(r"[A-Z0-9]{8}")


@dataclass(frozen=True)
class Warning:
    """Something that could not be read as it stands; the rest was.

    Codes: `unreadable-reference`, `duplicate-reference`, `encoding-guessed`.
    """

    code: str
    message: str


@dataclass(frozen=True)
class Attachment:
    """A file or page that belongs to a work, as the export names it; none of it is checked."""

    path: str | None
    title: str | None
    media_type: str | None
    url: str | None


@dataclass(frozen=True)
class Reference:
    """One work of a library; `csl` is its CSL-JSON, without abstract and notes.

    `key` is the item's key in its library or file, `library` names a Zotero library
    (`users/123`, `groups/45`), and `collections` are paths from the root (`Thesis/Chapter 1`).
    """

    key: str
    library: str | None
    csl: Mapping[str, Any]
    citation_key: str | None
    tags: tuple[str, ...]
    collections: tuple[str, ...]
    abstract: str | None
    notes: tuple[str, ...]
    attachments: tuple[Attachment, ...]
    twin: int = 0

    @property
    def identity(self) -> str:
        """Return what names this work in every export of the same library.

        At most 400 characters. `twin` tells works apart that a file gives the same name.
        """
        name = self._name()
        return f"{name}#{self.twin + 1}" if self.twin else name

    def _name(self) -> str:
        if self.library and self.key:
            return f"zotero:{self.library}/{self.key}"[:390]
        if self.citation_key:
            return f"citekey:{self.citation_key}"[:390]
        if _ZOTERO_KEY.fullmatch(self.key):
            return f"zotero:{self.key}"
        doi = str(self.csl.get("DOI") or "").strip().lower()
        return f"doi:{doi}"[:390] if doi else f"work:{self._fingerprint()}"

    @property
    def title(self) -> str | None:
        """Return the work's title."""
        return self.csl.get("title") or None

    def metadata(self) -> dict[str, Any]:
        """Return what a document keeps of the work: flat values to filter by, and `csl` whole.

        Keys: title, authors (["Family, Given"]), year (int), date, doi, isbn, citation_key,
        item_type, container, publisher, language, url, tags, collections, item_key, library;
        absent ones are left out. `csl` is an object, which no filter reaches.
        """
        flat = flat_metadata(self.csl)
        more = {
            "citation_key": self.citation_key,
            "tags": bounded(self.tags),
            "collections": bounded(self.collections),
            "item_key": self.key if _ZOTERO_KEY.fullmatch(self.key) else None,
            "library": self.library,
        }
        kept = {name: value for name, value in more.items() if value}
        return {**flat, **kept, "csl": _short(self.csl)}

    def _fingerprint(self) -> str:
        """Return a hash of what a work keeps in every export: type, title, authors, year."""
        flat = flat_metadata(self.csl)
        parts = [flat.get(name) for name in ("item_type", "title", "authors", "year")]
        text = re.sub(r"\W+", " ", json.dumps(parts, ensure_ascii=False)).strip().casefold()
        return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


@dataclass(frozen=True)
class ReadLibrary:
    """The works of a file, in its order, and what to tell of it."""

    references: list[Reference]
    warnings: list[Warning]


def _short(csl: Mapping[str, Any]) -> dict[str, Any]:
    """Return a work with no more names and text than a document's metadata should hold."""
    return {name: _bounded_value(value) for name, value in csl.items() if name not in _LONG}


_LONG = ("abstract", "note", "annote", "keyword")


def _bounded_value(value: Any) -> Any:
    if isinstance(value, str):
        return value[: 4 * MAX_TEXT]
    return list(value[:MAX_LIST]) if isinstance(value, list | tuple) else value
