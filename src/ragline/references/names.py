"""People's names in the form of CSL-JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragline.references.values import line_of, list_of, mapping_of

_PARTS = ("family", "given", "literal", "suffix", "non-dropping-particle", "dropping-particle")
MOST_NAMES = 5000


def csl_names(creator: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the name of one of Zotero's creators; None where it is empty."""
    family = line_of(creator.get("lastName"), limit=300)
    given = line_of(creator.get("firstName"), limit=300)
    single = line_of(creator.get("name"), limit=500)
    if single or (family and not given and creator.get("fieldMode") == 1):
        return {"literal": single or family}
    return written_name(family, given)


def written_name(family: str, given: str) -> dict[str, str] | None:
    """Return a name of two parts; one part alone is the family name."""
    parts = {"family": family or given, "given": given if family else ""}
    return {part: text for part, text in parts.items() if text} or None


def inverted_name(written: object) -> dict[str, str] | None:
    """Return the name that is written "Family, Given" or "Family, Given, Suffix"."""
    parts = [part.strip() for part in line_of(written, limit=500).split(",")]
    name = written_name(parts[0], parts[1] if len(parts) > 1 else "")
    if name and len(parts) > 2 and parts[2]:
        name["suffix"] = parts[2]
    return name


def clean_names(people: object) -> list[dict[str, str]]:
    """Return names of CSL-JSON with nothing but texts in them."""
    names: list[dict[str, str]] = []
    for person in list_of(people)[:MOST_NAMES]:
        fields = mapping_of(person) if isinstance(person, Mapping) else {"literal": person}
        name = {part: text for part in _PARTS if (text := line_of(fields.get(part), limit=500))}
        if name.keys() & {"family", "literal", "given"}:
            names.append(name)
    return names
