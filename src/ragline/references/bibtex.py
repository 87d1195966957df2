"""BibTeX and BibLaTeX, with the ways of JabRef, Zotero and Better BibTeX to name files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ragline.references.bibtex_entries import entries_of
from ragline.references.bibtex_fields import DATES, FIELDS, INHERITED, MONTHS, TYPES
from ragline.references.bibtex_files import attachments_of
from ragline.references.csl import keywords_of
from ragline.references.dates import csl_date
from ragline.references.latex import address, names_of, plain
from ragline.references.records import Reference
from ragline.references.values import MAX_LONG_TEXT, line_of, text_of, unique

Entry = Mapping[str, str]


def references_of(text: str) -> Iterator[Reference | str]:
    """Yield the work of each entry, or a sentence that says why it cannot be read.

    Nothing that one entry holds takes another with it.
    """
    read = list(entries_of(text))
    by_key = {entry["ID"].lower(): entry for entry in reversed(read) if isinstance(entry, dict)}
    for entry in read:
        if isinstance(entry, str):
            yield entry
        elif len(entry) > 2:
            yield _reference(_with_parent(entry, by_key))
        else:
            yield f"The entry “{entry['ID'][:100]}” holds nothing of a work."


def _with_parent(entry: Entry, by_key: Mapping[str, Entry]) -> Entry:
    """Return an entry with what it takes over from the one it refers to."""
    parent = by_key.get(entry.get("crossref", "").strip().lower())
    if parent is None or parent is entry:
        return entry
    inherited = {
        INHERITED.get(field, field): value
        for field, value in parent.items()
        if field not in ("ID", "ENTRYTYPE", "crossref", "file", "abstract", "keywords", "doi")
    }
    return {**inherited, **entry}


def _reference(entry: Entry) -> Reference:
    key = line_of(entry["ID"], limit=300)
    keywords = ";".join(
        plain(entry.get(name, "")) for name in ("keywords", "keyword") if name in entry
    )
    notes = (text_of(plain(entry.get(name, ""))) for name in ("annote", "annotation", "note"))
    return Reference(
        key=key,
        library=None,
        csl=_csl(entry),
        citation_key=key or None,
        tags=keywords_of(keywords),
        collections=keywords_of(plain(entry.get("groups", ""))),
        abstract=text_of(plain(entry.get("abstract", "")), limit=MAX_LONG_TEXT) or None,
        notes=unique(notes),
        attachments=attachments_of(entry),
    )


def _csl(entry: Entry) -> dict[str, Any]:
    kind = entry["ENTRYTYPE"].lower()
    csl: dict[str, Any] = {"type": TYPES.get(kind, "document")}
    for field, names in FIELDS.items():
        read = address if field in ("DOI", "URL") else plain
        value = next((text for name in names if (text := line_of(read(entry.get(name, ""))))), "")
        if value:
            csl[field] = value
    for role in ("author", "editor", "translator"):
        people = names_of(entry.get(role, ""))
        if people:
            csl[role] = people
    for field, names in DATES.items():
        date = next(
            (found for name in names if (found := csl_date(plain(entry.get(name, ""))))), None
        )
        if date:
            csl[field] = date
    _finish(csl, entry, kind)
    return csl


def _finish(csl: dict[str, Any], entry: Entry, kind: str) -> None:
    """Mend what BibTeX says in other ways than one field for one thing."""
    if "issued" not in csl and (year := line_of(plain(entry.get("year", "")))):
        month = line_of(plain(entry.get("month", "")))
        month = MONTHS.get(month.lower()[:3], month)
        csl["issued"] = csl_date(f"{month} {year}") or {"literal": year}
    subtitle = line_of(plain(entry.get("subtitle", "")))
    if subtitle and "title" in csl:
        csl["title"] = f"{csl['title']}: {subtitle}"
    if "page" in csl:
        csl["page"] = re.sub(r"\s*[-–]+\s*", "-", csl["page"])
    if kind in ("techreport", "report", "patent", "standard") and "issue" in csl:
        csl["number"] = csl.pop("issue")
    if kind in ("phdthesis", "mastersthesis") and "genre" not in csl:
        csl["genre"] = "PhD thesis" if kind == "phdthesis" else "Master’s thesis"
    if kind == "book" and "title" not in csl and "container-title" in csl:
        csl["title"] = csl.pop("container-title")
