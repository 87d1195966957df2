"""Works → BibTeX and RIS."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ragline.references.dates import written_of, year_of
from ragline.references.flat import authors_of, name_of
from ragline.references.ris import TYPES as RIS_TYPES
from ragline.references.values import line_of, list_of, mapping_of

_NO_KEY = re.compile(r"[^A-Za-z0-9:_.+/-]+")
_ESCAPED = re.compile(r"[&%$#_]")

_BIBTEX_TYPES = {
    "article": "article",
    "article-journal": "article",
    "article-magazine": "article",
    "article-newspaper": "article",
    "book": "book",
    "chapter": "incollection",
    "entry-dictionary": "incollection",
    "entry-encyclopedia": "incollection",
    "manuscript": "unpublished",
    "pamphlet": "booklet",
    "paper-conference": "inproceedings",
    "report": "techreport",
    "thesis": "phdthesis",
}
_BIBTEX_FIELDS = {
    "title": "title",
    "collection-title": "series",
    "volume": "volume",
    "issue": "number",
    "number": "number",
    "page": "pages",
    "edition": "edition",
    "publisher-place": "address",
    "language": "language",
    "DOI": "doi",
    "ISBN": "isbn",
    "ISSN": "issn",
    "URL": "url",
}
_PUBLISHER = {"phdthesis": "school", "techreport": "institution", "misc": "howpublished"}

_RIS_KINDS = {csl: ris for ris, csl in reversed(RIS_TYPES.items())} | {
    "article-journal": "JOUR",
    "book": "BOOK",
    "chapter": "CHAP",
    "paper-conference": "CPAPER",
    "report": "RPRT",
}
_RIS_FIELDS = {
    "title": "TI",
    "container-title": "T2",
    "container-title-short": "J2",
    "collection-title": "T3",
    "volume": "VL",
    "issue": "IS",
    "edition": "ET",
    "publisher": "PB",
    "publisher-place": "CY",
    "language": "LA",
    "ISBN": "SN",
    "ISSN": "SN",
    "DOI": "DO",
    "URL": "UR",
}


def keys_of(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a key for each work, its own where it has one; none comes twice."""
    seen: Counter[str] = Counter()
    keys: list[str] = []
    for item in items:
        key = _NO_KEY.sub("", line_of(item.get("citation-key"), limit=100)) or _made_key(item)
        seen[key.lower()] += 1
        count = seen[key.lower()]
        keys.append(key if count == 1 else f"{key}-{count}")
    return keys


def to_bibtex(key: str, item: Mapping[str, Any]) -> str:
    """Return a work as an entry of a BibTeX file in UTF-8."""
    kind = _BIBTEX_TYPES.get(str(item.get("type")), "misc")
    lines = [f"  {name} = {{{value}}}" for name, value in _bibtex_fields(item, kind) if value]
    return f"@{kind}{{{key},\n" + ",\n".join(lines) + "\n}\n"


def _bibtex_fields(item: Mapping[str, Any], kind: str) -> Iterator[tuple[str, str]]:
    for role in ("author", "editor", "translator"):
        yield role, " and ".join(map(_bibtex_name, list_of(item.get(role))))
    written: set[str] = set()
    for field, name in _BIBTEX_FIELDS.items():
        value = line_of(item.get(field))
        if value and name not in written:
            written.add(name)
            # Addresses are read literally, everything else by LaTeX.
            yield (
                name,
                value.replace("{", "").replace("}", "") if name in ("url", "doi") else _tex(value),
            )
    container = "journal" if kind == "article" else "booktitle"
    yield container, _tex(line_of(item.get("container-title")))
    yield _PUBLISHER.get(kind, "publisher"), _tex(line_of(item.get("publisher")))
    yield "year", str(year_of(item.get("issued")) or "")
    yield "date", _tex(written_of(item.get("issued")))


def _bibtex_name(person: object) -> str:
    fields = mapping_of(person)
    literal = line_of(fields.get("literal"))
    family = line_of(fields.get("family"))
    if literal or (not fields.get("given") and " " in family):
        return f"{{{_tex(literal or family)}}}"
    suffix = line_of(fields.get("suffix"))
    family, comma, given = name_of(person).partition(", ")
    return _tex(", ".join(part for part in (family, suffix, given if comma else "") if part))


def _tex(text: str) -> str:
    """Return text in which LaTeX finds no command."""
    escaped = _ESCAPED.sub(lambda sign: f"\\{sign[0]}", _bare(text).replace("\\", "/"))
    return escaped.replace("~", "{\\textasciitilde}")


def _bare(text: str) -> str:
    """Return text without the brackets that would end its field."""
    return text.replace("{", "").replace("}", "")


def to_ris(key: str, item: Mapping[str, Any]) -> str:
    """Return a work as a record of a RIS file."""
    lines = [f"TY  - {_RIS_KINDS.get(str(item.get('type')), 'GEN')}", f"ID  - {key}"]
    for role, tag in (("author", "AU"), ("editor", "ED"), ("translator", "A4")):
        lines += [f"{tag}  - {name_of(person)}" for person in list_of(item.get(role))]
    for field, tag in _RIS_FIELDS.items():
        value = line_of(item.get(field))
        if value:
            lines.append(f"{tag}  - {value}")
    date = written_of(item.get("issued"))
    if year_of(item.get("issued")):
        lines.append(f"PY  - {year_of(item.get('issued'))}")
    if date and not date.startswith("-"):
        lines.append(f"DA  - {date.replace('-', '/')}")
    first, _, last = line_of(item.get("page")).partition("-")
    lines += [f"{tag}  - {page}" for tag, page in (("SP", first), ("EP", last)) if page]
    return "\n".join([*lines, "ER  - ", ""])


def _made_key(item: Mapping[str, Any]) -> str:
    """Return a key from the first author, the year and the first word of the title."""
    authors = authors_of(item)
    family = authors[0].partition(",")[0] if authors else ""
    words = [word for word in re.findall(r"\w+", line_of(item.get("title"))) if len(word) > 3]
    year = str(year_of(item.get("issued")) or "")
    parts = (_ascii(family).lower(), year, _ascii(words[0]).lower() if words else "")
    return "".join(parts)[:60] or "work"


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]", "", plain)
