"""RIS, as databases and citation managers write it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rispy import RisParser

from ragline.references.csl import keywords_of
from ragline.references.dates import csl_date
from ragline.references.names import inverted_name
from ragline.references.records import Attachment, Reference
from ragline.references.values import MAX_LONG_TEXT, line_of, text_of, unique

_LINE = re.compile(r"^[ \t]*([A-Z][A-Z0-9]) {1,3}-(?:[ \t]|$)")
_END = "ER  - "
_MOST_LINES = 10_000

TYPES = {
    "ABST": "article-journal",
    "ADVS": "motion_picture",
    "ART": "graphic",
    "BILL": "bill",
    "BLOG": "post-weblog",
    "BOOK": "book",
    "CASE": "legal_case",
    "CHAP": "chapter",
    "CHART": "graphic",
    "CLSWK": "classic",
    "COMP": "software",
    "CONF": "paper-conference",
    "CPAPER": "paper-conference",
    "DATA": "dataset",
    "DBASE": "dataset",
    "DICT": "entry-dictionary",
    "EBOOK": "book",
    "ECHAP": "chapter",
    "EDBOOK": "book",
    "EJOUR": "article-journal",
    "ELEC": "webpage",
    "ENCYC": "entry-encyclopedia",
    "FIGURE": "figure",
    "GOVDOC": "report",
    "HEAR": "hearing",
    "ICOMM": "personal_communication",
    "INPR": "article",
    "JFULL": "periodical",
    "JOUR": "article-journal",
    "LEGAL": "legislation",
    "MANSCPT": "manuscript",
    "MAP": "map",
    "MGZN": "article-magazine",
    "MPCT": "motion_picture",
    "MUSIC": "musical_score",
    "NEWS": "article-newspaper",
    "PAMP": "pamphlet",
    "PAT": "patent",
    "PCOMM": "personal_communication",
    "RPRT": "report",
    "SLIDE": "speech",
    "SOUND": "song",
    "STAND": "standard",
    "STAT": "legislation",
    "THES": "thesis",
    "UNPB": "manuscript",
    "UNPD": "manuscript",
    "VIDEO": "motion_picture",
}
_BOOKS = frozenset(("BOOK", "EBOOK", "EDBOOK", "THES", "RPRT"))
_PARTS = frozenset(("CHAP", "ECHAP", "CPAPER", "CONF", "ENCYC", "DICT"))

_FIELDS = {
    "title": ("TI", "T1", "CT"),
    "container-title": ("T2", "JF", "JO", "BT"),
    "container-title-short": ("JA", "J2", "J1"),
    "collection-title": ("T3",),
    "volume": ("VL",),
    "issue": ("IS",),
    "edition": ("ET",),
    "publisher": ("PB",),
    "publisher-place": ("CY", "PP"),
    "language": ("LA",),
    "title-short": ("ST",),
    "DOI": ("DO",),
    "URL": ("UR",),
    "genre": ("M3",),
    "number-of-volumes": ("NV",),
    "call-number": ("CN",),
    "source": ("DP", "DB"),
    "section": ("SE",),
}
_ROLES = {"author": ("AU", "A1"), "editor": ("ED",), "translator": ("A4",)}
_DATES = {"issued": ("DA", "PY", "Y1"), "accessed": ("Y2",)}
Record = Mapping[str, Sequence[str]]


def references_of(text: str) -> Iterator[Reference | str]:
    """Yield the work of each record, or a sentence that says why it cannot be read."""
    for line, lines in _records(text):
        record = _tags(lines)
        reference = _reference(record) if record else None
        yield reference or f"The record in line {line} holds nothing of a work."


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines of each record with the number of its first one; each ends at the next.

    A line without a tag belongs to the one before it.
    """
    start = 0
    lines: list[str] = []
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text.lstrip("\ufeff")), 1):
        tag = _LINE.match(line)
        if tag is None:
            _continue(lines, line)
        elif tag[1] in ("TY", "ER"):
            if lines:
                yield start, lines
            start = number
            lines = [f"TY  - {line[tag.end() :]}"] if tag[1] == "TY" else []
        elif lines and len(lines) < _MOST_LINES:
            lines.append(f"{tag[1]}  - {line[tag.end() :]}")
    if lines:
        yield start, lines


def _continue(lines: list[str], line: str) -> None:
    if lines and line.strip() and len(lines[-1]) < MAX_LONG_TEXT:
        lines[-1] = f"{lines[-1]} {line.strip()}"


class _SameName(dict[str, str]):
    """Gives every tag its own name."""

    def __missing__(self, tag: str) -> str:
        return tag


class _Every(list[str]):
    """Holds every tag: each may be there several times."""

    def __contains__(self, _tag: object) -> bool:
        return True


def _tags(lines: Sequence[str]) -> Record:
    parser = RisParser(mapping=_SameName(), list_tags=_Every(), delimiter_tags_mapping={})
    records: list[dict[str, Any]] = parser.parse_lines(iter([*lines, _END]))
    return {
        tag: [values] if isinstance(values, str) else values
        for tag, values in (records[0] if records else {}).items()
    }


def _reference(record: Record) -> Reference | None:
    csl = _csl(record)
    if len(csl) < 2:
        return None
    key = _first(record, "ID") or _first(record, "AN")
    citation_key = _first(record, "LB") or (key if re.fullmatch(r"[A-Za-z]\S*\d\S*", key) else "")
    return Reference(
        key=key or citation_key,
        library=None,
        csl=csl,
        citation_key=citation_key or None,
        tags=unique(tag for each in record.get("KW", ()) for tag in keywords_of(each)),
        collections=(),
        abstract=_long(record, "AB") or _long(record, "N2") or None,
        notes=unique(text_of(each, limit=MAX_LONG_TEXT) for each in record.get("N1", ())),
        attachments=tuple(_attachments(record)),
    )


def _csl(record: Record) -> dict[str, Any]:
    kind = _first(record, "TY").upper()
    csl: dict[str, Any] = {"type": TYPES.get(kind, "document")}
    for field, tags in _FIELDS.items():
        value = next((text for tag in tags if (text := _first(record, tag))), "")
        if value:
            csl[field] = value
    for role, tags in _ROLES.items():
        written = [name for tag in tags for name in record.get(tag, ())]
        names = [name for name in map(inverted_name, written) if name]
        if names:
            csl[role] = names
    for field, tags in _DATES.items():
        date = next((found for tag in tags if (found := csl_date(_day(record, tag)))), None)
        if date:
            csl[field] = date
    csl.update(_by_kind(record, kind))
    return csl


def _by_kind(record: Record, kind: str) -> dict[str, Any]:
    """Return the fields whose tags mean different things in books, parts and articles."""
    fields: dict[str, Any] = {}
    editors = [name for name in map(inverted_name, record.get("A2", ())) if name]
    if editors:
        fields["editor" if kind in _PARTS or kind not in _BOOKS else "collection-editor"] = editors
    first, last = _first(record, "SP"), _first(record, "EP")
    if first and kind in _BOOKS and not last:
        fields["number-of-pages"] = first
    elif first:
        fields["page"] = first if not last or "-" in first else f"{first}-{last}"
    number = _first(record, "SN")
    if number:
        is_book = kind in _BOOKS | _PARTS
        fields["ISBN" if is_book else "ISSN"] = number
    if not (_first(record, "TI") or _first(record, "T1")) and _first(record, "BT"):
        fields["title"] = _first(record, "BT")
    return fields


def _attachments(record: Record) -> Iterator[Attachment]:
    """Yield the files a record names; several may stand in one tag, with semicolons between."""
    for tag in ("L1", "L2", "L4", "LK"):
        for value in record.get(tag, ()):
            for path in re.split(r";(?=\s*(?:\w+:|/|\w+/))", value):
                if path.strip() and not path.strip().startswith(("http://", "https://")):
                    yield Attachment(text_of(path), None, None, None)
                elif path.strip():
                    yield Attachment(None, None, None, line_of(path))


def _day(record: Record, tag: str) -> str:
    """Return a date; RIS writes 2020/05/01/ and leaves parts empty."""
    written = _first(record, tag)
    found = re.match(r"(\d{4})/(\d{0,2})/(\d{0,2})(?:/|$)", written)
    return "-".join(part for part in found.groups() if part) if found else written.strip("/")


def _first(record: Record, tag: str) -> str:
    return next((text for each in record.get(tag, ()) if (text := line_of(each))), "")


def _long(record: Record, tag: str) -> str:
    return text_of("\n".join(record.get(tag, ())), limit=MAX_LONG_TEXT)
