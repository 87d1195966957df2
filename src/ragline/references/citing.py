"""What a document's metadata tell of the work it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ragline.references.csl import clean_item
from ragline.references.dates import csl_date, year_of
from ragline.references.names import inverted_name
from ragline.references.values import line_of, list_of, mapping_of

_BRIEF = ("container", "doi", "citation_key", "item_type")
_TELLING = frozenset(("authors", "citation_key", "doi", "csl"))
MOST_AUTHORS = 10
MOST_TAGS = 30

_CSL_FIELDS = {
    "title": "title",
    "DOI": "doi",
    "ISBN": "isbn",
    "container-title": "container",
    "publisher": "publisher",
    "language": "language",
    "URL": "url",
    "type": "item_type",
}


def brief(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a citation says of a work, or None for a document that is none.

    Keys: authors (at most 10), year, container, doi, citation_key, item_type.
    """
    if not metadata.keys() & _TELLING:
        return None
    values: dict[str, Any] = {name: line_of(metadata.get(name), limit=300) for name in _BRIEF}
    values["year"] = year_of({"raw": metadata.get("year")})
    values = {name: value for name, value in values.items() if value}
    authors = [line_of(each, limit=200) for each in _authors(metadata)[:MOST_AUTHORS]]
    return {"authors": authors, **values} if authors else values or None


def search_words(metadata: Mapping[str, Any]) -> str:
    """Return the words by which a work is found besides its text; none for other documents.

    Authors, year, container, DOI, citation key and tags.
    """
    told = brief(metadata)
    if told is None:
        return ""
    tags = metadata.get("tags")
    words = [*told.pop("authors", []), *(told[name] for name in told if name != "item_type")]
    words += [line_of(tag, limit=100) for tag in list_of(tags)[:MOST_TAGS]]
    return " ".join(map(str, words))


def item_of(metadata: Mapping[str, Any], *, title: str) -> dict[str, Any]:
    """Return the CSL-JSON of a document: its own, or one made of its metadata and title."""
    csl = clean_item(_own(metadata.get("csl")))
    flat = {field: line_of(metadata.get(name)) for field, name in _CSL_FIELDS.items()}
    made: dict[str, Any] = {"type": "document", "title": line_of(title)}
    made |= {field: value for field, value in flat.items() if value}
    people = [name for each in _authors(metadata) if (name := inverted_name(each))]
    issued = csl_date(metadata.get("date")) or csl_date(metadata.get("year"))
    made |= {"author": people} if people else {}
    made |= {"issued": issued} if issued else {}
    # What has a whole description needs nothing made up beside its title.
    item = {"title": made["title"], **csl} if len(csl) > 1 else made
    key = line_of(metadata.get("citation_key"), limit=200)
    return {**item, "citation-key": key} if key else item


def _authors(metadata: Mapping[str, Any]) -> list[Any]:
    authors = metadata.get("authors", metadata.get("author"))
    if isinstance(authors, str):
        return [part.strip() for part in authors.split(";")]
    return list(list_of(authors))


def _own(csl: object) -> Mapping[str, Any]:
    """Return the description that stands in the metadata, as an object or as its JSON."""
    if isinstance(csl, str) and len(csl) <= 100_000:
        try:
            csl = json.loads(csl)
        except (ValueError, RecursionError):
            return {}
    return mapping_of(csl)
