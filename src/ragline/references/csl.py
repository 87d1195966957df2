"""CSL-JSON, as citation managers and Crossref write it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ragline.references.dates import clean_date
from ragline.references.names import clean_names
from ragline.references.records import Attachment, Reference
from ragline.references.values import (
    MAX_LONG_TEXT,
    line_of,
    list_of,
    mapping_of,
    text_of,
    unique,
)

NAMES = frozenset(
    (
        "author",
        "chair",
        "collection-editor",
        "compiler",
        "composer",
        "container-author",
        "contributor",
        "curator",
        "director",
        "editor",
        "editorial-director",
        "guest",
        "host",
        "illustrator",
        "interviewer",
        "organizer",
        "original-author",
        "performer",
        "producer",
        "recipient",
        "reviewed-author",
        "script-writer",
        "translator",
    )
)
DATES = frozenset(
    ("accessed", "available-date", "event-date", "issued", "original-date", "submitted")
)
_APART = frozenset(
    ("id", "citation-key", "abstract", "note", "annote", "keyword", "categories", "tags", "file")
)
_FIELD = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}")
_URI = re.compile(r"zotero\.org/((?:users|groups)/(?:local/)?[\w-]+)/items/(\w+)")
_NOTED_KEY = re.compile(r"(?im)^\s*(?:citation key|citekey)\s*:\s*(\S+)\s*$")
_MOST_FIELDS = 100


def references_of(items: Iterable[Any]) -> Iterator[Reference | str]:
    """Yield the work of each item, or a sentence that says why it cannot be read."""
    for position, item in enumerate(items, 1):
        csl = clean_item(item)
        if isinstance(item, Mapping) and len(csl) > 1:
            yield _reference(item, csl)
        else:
            yield f"Entry {position} holds nothing of a work."


def clean_item(item: object) -> dict[str, Any]:
    """Return an item with nothing in it but what CSL-JSON allows: texts, names and dates.

    Its `id`, abstract, notes and keywords are left out.
    """
    fields = mapping_of(item)
    clean: dict[str, Any] = {"type": line_of(fields.get("type"), limit=50) or "document"}
    for field, value in list(fields.items())[:_MOST_FIELDS]:
        if not isinstance(field, str) or field in _APART or not _FIELD.fullmatch(field):
            continue
        kept = _clean_value(field, value)
        if kept:
            clean[field] = kept
    return clean


def _clean_value(field: str, value: object) -> Any:
    if field in NAMES:
        return clean_names(value)
    if field in DATES:
        return clean_date(value)
    if isinstance(value, list | tuple):
        # Crossref sends titles and numbers as lists of one.
        return line_of(next(iter(value), None))
    return line_of(value)


def _reference(item: Mapping[str, Any], csl: dict[str, Any]) -> Reference:
    key, library, citation_key = _names(item)
    keywords = item.get("keyword") or item.get("categories") or item.get("tags")
    files = [*list_of(item.get("attachments")), item.get("file")]
    note = text_of(item.get("note"), limit=MAX_LONG_TEXT)
    return Reference(
        key=key,
        library=library,
        csl=csl,
        citation_key=citation_key,
        tags=keywords_of(keywords),
        collections=(),
        abstract=text_of(item.get("abstract"), limit=MAX_LONG_TEXT) or None,
        notes=unique([note, text_of(item.get("annote"), limit=MAX_LONG_TEXT)]),
        attachments=tuple(file for file in map(_attachment, files) if file),
    )


def _names(item: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    """Return the key, the library and the citation key that an item's `id` and note tell."""
    name = line_of(item.get("id"), limit=300)
    noted = _NOTED_KEY.search(text_of(item.get("note"), limit=MAX_LONG_TEXT))
    citation_key = line_of(item.get("citation-key"), limit=300) or (noted[1] if noted else "")
    uri = _URI.search(name)
    if uri:
        return uri[2], uri[1], citation_key or None
    if not citation_key and not name.isdigit() and "/" not in name:
        citation_key = name
    return name, None, citation_key or None


def keywords_of(keywords: object) -> tuple[str, ...]:
    """Return keywords that are a list, or one text with commas or semicolons between them."""
    if isinstance(keywords, str):
        keywords = re.split(r"[;\n]" if ";" in keywords else r"[,\n]", keywords[:MAX_LONG_TEXT])
    return unique(line_of(each, limit=500) for each in list_of(keywords)[:1000])


def _attachment(entry: object) -> Attachment | None:
    fields = mapping_of(entry)
    path = text_of(entry) or text_of(fields.get("path"))
    url = line_of(fields.get("url")) or None
    if not path and not url:
        return None
    media_type = line_of(fields.get("contentType"), limit=200) or None
    return Attachment(
        path or None, line_of(fields.get("title"), limit=500) or None, media_type, url
    )
