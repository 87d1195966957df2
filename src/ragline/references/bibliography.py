"""Works as a bibliography in a citation style."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from citeproc import VARIABLES, Citation, CitationItem, CitationStylesBibliography
from citeproc import CitationStylesStyle as Style
from citeproc.source.json import CiteProcJSON

from ragline.references.csl import NAMES, clean_item
from ragline.references.dates import year_of
from ragline.references.flat import authors_of
from ragline.references.markup import Formatter, as_html, as_text, safe_text, without_repetition
from ragline.references.styles import open_style
from ragline.references.writing import keys_of, to_bibtex, to_ris

BibliographyFormat = Literal["text", "html", "csl-json", "bibtex", "ris"]

# The slowest styles take a tenth of a second for each work.
LONGEST_SECONDS = 20.0


@dataclass(frozen=True)
class Bibliography:
    """One entry and one citation for each work, in the order given.

    `order` holds the works' positions as the style sorts them, and `text` is the whole
    bibliography, in that order and in the format asked for. `warnings` are sentences on the
    works that no style could write.
    """

    entries: list[str]
    citations: list[str]
    order: list[int]
    warnings: list[str]
    text: str


def bibliography(
    items: Sequence[Mapping[str, Any]],
    *,
    style: str,
    locale: str,
    format: BibliographyFormat,
    folder: Path | None = None,
    seconds: float = LONGEST_SECONDS,
) -> Bibliography:
    """Return CSL-JSON items written in a style; one that cannot be is written plainly.

    Raises `InvalidInput` where there is no such style or locale. Beyond `seconds` the rest is
    written plainly too.
    """
    clean = [clean_item(item) for item in items]
    if format in ("text", "html"):
        opened = open_style(style, locale=locale, folder=folder)
        return _styled(clean, opened, as_html if format == "html" else as_text, seconds, format)
    keys = keys_of(items)
    if format == "csl-json":
        keyed = [{"id": key, **item} for key, item in zip(keys, clean, strict=True)]
        entries = [json.dumps(each, ensure_ascii=False) for each in keyed]
        text = json.dumps(keyed, ensure_ascii=False, indent=2)
    else:
        write = to_bibtex if format == "bibtex" else to_ris
        entries = [write(key, item) for key, item in zip(keys, clean, strict=True)]
        text = "\n".join(entries)
    return Bibliography(entries, keys, list(range(len(clean))), [], text)


def _styled(
    items: Sequence[Mapping[str, Any]],
    style: Style,
    shown: Callable[[str], str],
    seconds: float,
    format: str,
) -> Bibliography:
    warnings: list[str] = []
    written = _Writer(style, items, time.monotonic() + seconds)
    if not written.is_sorted:
        warnings.append("The style cannot put these works in order; they stand as they came.")
    entries, citations = [], []
    for position, item in enumerate(items):
        entry, citation, problem = written.write(position)
        entries.append(shown(entry or safe_text(plain_entry(item))))
        citations.append(shown(citation or safe_text(_plain_citation(item))))
        if problem:
            named = str(item.get("title") or f"number {position + 1}")[:200]
            warnings.append(f"The style cannot write “{named}” ({problem}); it is written plainly.")
    ordered = [entries[position] for position in written.order]
    return Bibliography(entries, citations, written.order, warnings, _whole(ordered, format))


def _whole(entries: Sequence[str], format: str) -> str:
    if format == "text":
        return "\n".join(entries)
    lines = [f'  <div class="csl-entry">{entry}</div>' for entry in entries]
    return "\n".join(['<div class="csl-bib-body">', *lines, "</div>"])


_SORTING = -1


class _Until(list[Any]):
    """Works that are gone through until the time is over: citeproc's sorting knows no end."""

    def __init__(self, works: Sequence[Any], until: float) -> None:
        super().__init__(works)
        self._until = until

    def __iter__(self) -> Iterator[Any]:
        for work in super().__iter__():
            if time.monotonic() > self._until:
                raise TimeoutError
            yield work


class _Writer:
    """Writes works one by one with citeproc, which is not made for all that people collect."""

    def __init__(self, style: Style, items: Sequence[Mapping[str, Any]], until: float) -> None:
        self.until = until
        self._style = style
        self._items = items
        self._problems: dict[int, str] = {}
        source: dict[str, Any] = {}
        for position, item in enumerate(items):
            self._try(position, partial(_add_source, source, position, item))
        self._all = CitationStylesBibliography(style, source, Formatter)
        self._citations = {
            position: Citation([CitationItem(_key(position))])
            for position in range(len(items))
            if position not in self._problems
        }
        for citation in self._citations.values():
            self._all.register(citation)
        # Works that no order is found for stay in the one they came in.
        unsorted = list(self._all.items)
        self._all.items = _Until(unsorted, (time.monotonic() + until) / 2)
        self._try(_SORTING, self._all.sort)
        if _SORTING in self._problems:
            self._all.items = unsorted
        sorted_positions = [int(key[1:]) for key in self._all.keys]
        self.order = [*sorted_positions, *sorted(self._problems.keys() - {_SORTING})]
        self.is_sorted = _SORTING not in self._problems

    def write(self, position: int) -> tuple[str, str, str | None]:
        """Return a work's entry, its citation, and the problem where there was one."""
        if position not in self._problems and time.monotonic() > self.until:
            self._problems[position] = "the time for one bibliography is over"
        if position in self._problems:
            return "", "", self._problems[position]
        written: list[str] = []
        self._try(position, lambda: written.extend(self._write(position)))
        entry, citation = written or ("", "")
        item = self._items[position]
        if not item.keys() & NAMES:
            entry = without_repetition(entry, str(item.get("title") or ""))
        return entry, citation, self._problems.get(position)

    def _write(self, position: int) -> tuple[str, str]:
        cited = self._citations[position]
        citation = str(self._all.cite(cited, str))
        if not self._style.has_bibliography():
            return citation, citation
        entries = self._style.render_bibliography(cited.cites)
        return str(entries[0]) if entries else "", citation

    def _try(self, position: int, do: Callable[[], object]) -> None:
        try:
            do()
        except Exception as error:  # noqa: BLE001 - citeproc raises whatever it stumbles over
            self._problems[position] = type(error).__name__


def _key(position: int) -> str:
    return f"n{position}"


def _add_source(source: dict[str, Any], position: int, item: Mapping[str, Any]) -> None:
    """Add a work in citeproc's own form, without the fields it does not know."""
    known = {
        field: _safe(value)
        for field, value in {**item, "event": item.get("event-title")}.items()
        if value and (field == "type" or field.replace("-", "_") in VARIABLES)
    }
    source.update(CiteProcJSON([{**known, "id": _key(position)}]))


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, Mapping):
        return {name: _safe(each) for name, each in value.items()}
    return [_safe(each) for each in value] if isinstance(value, list) else value


def plain_entry(item: Mapping[str, Any]) -> str:
    """Return an entry in no style: authors, year, title, where, and how to get there."""
    authors = "; ".join(authors_of(item)[:20])
    year = year_of(item.get("issued"))
    head = " ".join(part for part in (authors, f"({year})" if year else "") if part)
    fields = ("title", "container-title", "publisher", "DOI", "URL")
    parts = [head, *(str(item[field]) for field in fields if item.get(field))]
    return ". ".join(part.rstrip(".") for part in parts if part) + "."


def _plain_citation(item: Mapping[str, Any]) -> str:
    authors = authors_of(item)
    named = authors[0].partition(",")[0] if authors else str(item.get("title") or "")[:60]
    year = year_of(item.get("issued"))
    return f"({', '.join(part for part in (named, str(year or '')) if part)})"
