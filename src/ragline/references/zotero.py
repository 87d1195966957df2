"""Zotero's own JSON, in all the forms it comes in: exports, Better BibTeX, the web API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ragline.references import zotero_fields as words
from ragline.references.dates import csl_date
from ragline.references.names import csl_names
from ragline.references.records import Attachment, Reference
from ragline.references.values import (
    MAX_LONG_TEXT,
    line_of,
    list_of,
    mapping_of,
    text_of,
    unique,
)
from ragline.references.zotero_parts import KEY, attachment_of, key_of, library_of, own_file

_EXTRA_LINE = re.compile(r"\s*([^:=\n]{1,60})[:=]\s*(.+)")
_CITATION_KEYS = ("citation key", "citekey", "bibtex", "bibtex*")
_TAG = re.compile(r"<[^>]{0,500}>")
_NO_WORKS = ("attachment", "annotation", "note")


def references_of(items: Iterable[Any], collections: object) -> Iterator[Reference | str]:
    """Yield the work of each item, or a sentence that says why it cannot be read.

    Attachments and notes that stand beside their works, as the API sends them, go to these;
    those without a work are works of their own.
    """
    entries = [(position, _data(item)) for position, item in enumerate(items, 1)]
    keys = {key_of(data) for _, data in entries if data.get("itemType") not in _NO_WORKS}
    children = _children(data for _, data in entries if _parent(data) in keys)
    names = collection_paths(collections)
    belongs = _memberships(collections, names)
    for position, data in entries:
        if not data:
            yield f"Entry {position} is no item."
        elif data.get("itemType") == "annotation" or _parent(data) in keys:
            continue
        else:
            yield _read(data, position, children.get(key_of(data), ()), names, belongs)


def reference_of(
    item: Mapping[str, Any],
    *,
    collections: Mapping[str, str] | None = None,
    children: Sequence[Mapping[str, Any]] = (),
) -> Reference:
    """Return the work of one item, in the API's form (with `data`) or an export's.

    `collections` gives the path of each collection by its key; `children` are the item's
    attachments and notes where these stand beside it.
    """
    data = _data(item)
    return _reference(data, [_data(child) for child in children], collections or {}, ())


def collection_paths(collections: object) -> dict[str, str]:
    """Return the path from the root, such as `Thesis/Chapter 1`, of each collection by its key."""
    nodes: dict[str, tuple[str, str]] = {}
    for entry in _collections(collections):
        name = line_of(entry.get("name"), limit=200).replace("/", "∕")
        parent = entry.get("parent") or entry.get("parentCollection")
        if name and entry.get("key"):
            nodes[line_of(entry.get("key"))] = (name, line_of(parent))
    return {key: _path(key, nodes) for key in nodes}


def _path(key: str, nodes: Mapping[str, tuple[str, str]]) -> str:
    parts: list[str] = []
    seen: set[str] = set()
    # A tree from a file may bite its own tail; nobody nests deeper than this.
    while key in nodes and key not in seen and len(seen) < 30:
        seen.add(key)
        name, parent = nodes[key]
        parts.insert(0, name)
        key = parent
    return "/".join(parts)[:500]


def _collections(collections: object) -> list[Mapping[str, Any]]:
    """Return the collections of an export (an object by key) or of the API (a list)."""
    if isinstance(collections, Mapping):
        return [{"key": key, **mapping_of(each)} for key, each in collections.items()]
    return [_data(each) for each in list_of(collections)]


def _memberships(collections: object, names: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the paths of the collections that list an item, by the item's number or key."""
    belongs: dict[str, list[str]] = {}
    for entry in _collections(collections):
        path = names.get(line_of(entry.get("key")))
        for item in list_of(entry.get("items")) if path else ():
            belongs.setdefault(line_of(item), []).append(str(path))
    return belongs


def _children(entries: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for data in entries:
        found.setdefault(_parent(data), []).append(data)
    return found


def _data(item: object) -> Mapping[str, Any]:
    """Return the fields of an item; the API wraps them in `data`."""
    outer = mapping_of(item)
    inner = outer.get("data")
    if not isinstance(inner, Mapping):
        return outer
    return {"key": outer.get("key"), "library": outer.get("library"), **inner}


def _read(
    data: Mapping[str, Any],
    position: int,
    children: Sequence[Mapping[str, Any]],
    names: Mapping[str, str],
    belongs: Mapping[str, Sequence[str]],
) -> Reference | str:
    member = [*belongs.get(line_of(data.get("itemID")), ()), *belongs.get(key_of(data), ())]
    work = _reference(data, children, names, member)
    if len(work.csl) < 2 and not work.attachments and not work.abstract:
        return f"Entry {position} holds nothing of a work."
    return work


def _reference(
    data: Mapping[str, Any],
    children: Sequence[Mapping[str, Any]],
    names: Mapping[str, str],
    member: Sequence[str],
) -> Reference:
    extra = _extra(data.get("extra"))
    attachments = [*own_file(data), *list_of(data.get("attachments")), *children]
    files = [each for each in map(attachment_of, attachments) if each]
    notes = [each for each in attachments if mapping_of(each).get("itemType") == "note"]
    library, key = library_of(data)
    citation_key = _citation_key(data, extra)
    return Reference(
        key=key or citation_key or line_of(data.get("itemID"), limit=100),
        library=library,
        csl=_csl(data, extra, files),
        citation_key=citation_key or None,
        tags=_tags(data.get("tags")),
        collections=unique([*member, *_item_collections(data.get("collections"), names)]),
        abstract=text_of(data.get("abstractNote"), limit=MAX_LONG_TEXT) or None,
        notes=_notes([*list_of(data.get("notes")), *notes, data.get("note")]),
        attachments=tuple(files),
    )


def _parent(data: Mapping[str, Any]) -> str:
    return line_of(data.get("parentItem"), limit=100) or "-"


def _csl(
    data: Mapping[str, Any], extra: Mapping[str, str], files: Sequence[Attachment]
) -> dict[str, Any]:
    csl: dict[str, Any] = {"type": words.TYPES.get(line_of(data.get("itemType")), "document")}
    for field, names in words.FIELDS.items():
        value = next((text for name in names if (text := line_of(data.get(name)))), "")
        if value:
            csl[field] = value
    for field, names in words.DATES.items():
        date = next((found for name in names if (found := csl_date(data.get(name)))), None)
        if date:
            csl[field] = date
    csl.update(_creators(data.get("creators")))
    _add_extra(csl, extra)
    if "title" not in csl:
        csl.update(_stand_in_title(data, files))
    return csl


def _add_extra(csl: dict[str, Any], extra: Mapping[str, str]) -> None:
    """Add what people wrote into `extra` for want of a field."""
    for name, value in extra.items():
        if name in words.EXTRA:
            csl.setdefault(words.EXTRA[name], value)
        elif name in words.EXTRA_DATES and (date := csl_date(value)):
            csl.setdefault(words.EXTRA_DATES[name], date)


def _stand_in_title(data: Mapping[str, Any], files: Sequence[Attachment]) -> dict[str, str]:
    """Return a title for a note or a file that stands alone."""
    note = line_of(_TAG.sub(" ", text_of(data.get("note"), limit=MAX_LONG_TEXT)), limit=120)
    named = next((each.title or each.path or each.url for each in files), None)
    title = note or line_of(named, limit=200)
    return {"title": title} if title else {}


def _creators(creators: object) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for creator in list_of(creators):
        fields = mapping_of(creator)
        kind = line_of(fields.get("creatorType"), limit=50) or "author"
        role = "author" if kind in words.MAIN_CREATORS else words.CREATORS.get(kind)
        name = csl_names(fields)
        if role and name:
            found.setdefault(role, []).append(name)
    return found


def _extra(extra: object) -> dict[str, str]:
    """Return the lines `Name: value` of the free field, by name in lower case."""
    lines = extra if isinstance(extra, list) else text_of(extra, limit=MAX_LONG_TEXT).splitlines()
    found: dict[str, str] = {}
    for line in lines[:500]:
        match = _EXTRA_LINE.fullmatch(text_of(line))
        if match:
            name = match[1].strip().lower().replace("-", " ").replace("_", " ")
            found.setdefault(name, line_of(match[2]))
    return found


def _citation_key(data: Mapping[str, Any], extra: Mapping[str, str]) -> str:
    named = (data.get(name) for name in ("citationKey", "citekey", "citation-key"))
    written = (extra.get(name) for name in _CITATION_KEYS)
    return next((key for each in (*named, *written) if (key := line_of(each, limit=300))), "")


def _tags(tags: object) -> tuple[str, ...]:
    entries = (
        mapping_of(tag).get("tag") if isinstance(tag, Mapping) else tag for tag in _all(tags)
    )
    return unique(line_of(entry, limit=500) for entry in entries)


def _all(value: object) -> Sequence[Any]:
    return list_of(value)[:1000]


def _item_collections(collections: object, names: Mapping[str, str]) -> Iterator[str]:
    """Yield the paths of the collections an item names, by key or by name."""
    for entry in _all(collections):
        if isinstance(entry, Mapping):
            yield line_of(entry.get("name"), limit=500)
            continue
        key = line_of(entry, limit=500)
        if key in names:
            yield names[key]
        elif not KEY.fullmatch(key):
            yield key


def _notes(notes: Iterable[object]) -> tuple[str, ...]:
    entries = (
        mapping_of(each).get("note") if isinstance(each, Mapping) else each for each in notes
    )
    return unique(text_of(entry, limit=MAX_LONG_TEXT) for entry in entries)
