"""CSL-JSON as flat values that searches can filter by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ragline.references.dates import written_of, year_of
from ragline.references.values import line_of, list_of, mapping_of

MAX_TEXT = 500
MAX_LIST = 200

_TEXTS = {
    "title": "title",
    "doi": "DOI",
    "isbn": "ISBN",
    "item_type": "type",
    "container": "container-title",
    "publisher": "publisher",
    "language": "language",
    "url": "URL",
}


def flat_metadata(csl: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a work that a document keeps; absent ones are left out."""
    values: dict[str, Any] = {
        name: line_of(csl.get(field), limit=MAX_TEXT) for name, field in _TEXTS.items()
    }
    values["authors"] = bounded(authors_of(csl))
    values["year"] = year_of(csl.get("issued"))
    values["date"] = written_of(csl.get("issued"))
    return {name: value for name, value in values.items() if value not in ("", [], None)}


def authors_of(csl: Mapping[str, Any]) -> list[str]:
    """Return the authors as "Family, Given", the editors where there are none."""
    for role in ("author", "editor"):
        names = [name_of(each) for each in list_of(csl.get(role))]
        if any(names):
            return [name for name in names if name]
    return []


def name_of(person: object) -> str:
    """Return a name of CSL-JSON as "Family, Given", with particles before the family name."""
    fields = mapping_of(person)
    literal = line_of(fields.get("literal"), limit=MAX_TEXT)
    if literal:
        return literal
    particle = line_of(fields.get("non-dropping-particle"), limit=50)
    family = line_of(fields.get("family"), limit=200)
    given = line_of(fields.get("given"), limit=200)
    dropping = line_of(fields.get("dropping-particle"), limit=50)
    before = " ".join(part for part in (particle, family) if part)
    after = " ".join(part for part in (given, dropping) if part)
    return ", ".join(part for part in (before, after) if part)


def bounded(texts: Sequence[str]) -> list[str]:
    """Return as many texts, each as long, as a document's metadata may have."""
    return [text[:MAX_TEXT] for text in texts[:MAX_LIST]]
