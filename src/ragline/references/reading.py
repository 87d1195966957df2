"""A file that holds a library of references → the works in it, one by one."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from ragline.errors import UnreadableFile
from ragline.references import bibtex, csl, ris, zotero
from ragline.references.decoding import decode
from ragline.references.records import ReadLibrary, Reference, Warning
from ragline.references.values import list_of, mapping_of

__all__ = ["Format", "ReadLibrary", "Warning", "detect_format", "read_references"]

Format = Literal["zotero", "better-bibtex", "csl", "bibtex", "ris"]

HEAD_BYTES = 65_536
MOST_WARNINGS = 1000

# A quote that is escaped belongs to a text that speaks of JSON.
_ITEM_TYPE = re.compile(r'(?<!\\)"itemType"\s*:\s*"')
_BETTER = re.compile(r'(?<!\\)"(?:config|citationKey|itemID|citekey)"\s*:')
_CSL_TYPE = re.compile(
    r'(?<!\\)"type"\s*:\s*"(?:article(?:-journal|-magazine|-newspaper)?|bill|book|broadcast|'
    r"chapter|classic|collection|dataset|document|entry(?:-dictionary|-encyclopedia)?|event|"
    r"figure|graphic|hearing|interview|legal_case|legislation|manuscript|map|motion_picture|"
    r"musical_score|pamphlet|paper-conference|patent|performance|periodical|"
    r"personal_communication|post|post-weblog|regulation|report|review|review-book|software|"
    r'song|speech|standard|thesis|treaty|webpage)"'
)
_CSL_FIELD = re.compile(
    r'(?<!\\)"(?:author|issued|title|container-title|DOI|publisher|date-parts)"\s*:'
)
_BIBTEX = re.compile(
    r"(?m)^[ \t]*@(?:string|preamble|comment|\w+\s*\{\s*[^\s,={}]*\s*,\s*[\w:+-]+\s*=)",
    re.IGNORECASE,
)
_BIBTEX_KINDS = re.compile(
    r"(?mi)^[ \t]*@(?:article|book|booklet|collection|conference|in(?:book|collection|proceedings)|"
    r"manual|mastersthesis|misc|online|phdthesis|proceedings|report|techreport|thesis|unpublished)"
    r"\s*[{(]"
)
_RIS = re.compile(r"\A[^\n]{0,200}?(?:\n[^\n]{0,200}){0,20}?^TY {1,2}- ?\w", re.MULTILINE)


def detect_format(head: bytes, filename: str) -> Format | None:
    """Return the format of a file from its first bytes (64 KiB are plenty), or None.

    The content decides; the name only settles what the content leaves open.
    """
    text = decode(head[:HEAD_BYTES])[0].lstrip("\ufeff \t\r\n")
    name = filename.lower()
    if text[:1] in ("{", "["):
        return _json_format(text)
    if _BIBTEX_KINDS.search(text) or (_BIBTEX.search(text) and name.endswith((".bib", ".txt"))):
        return "bibtex"
    return "ris" if _RIS.search(text.replace("\r", "\n")) else None


def _json_format(text: str) -> Format | None:
    if _ITEM_TYPE.search(text):
        return "better-bibtex" if _BETTER.search(text) else "zotero"
    if _CSL_TYPE.search(text) and _CSL_FIELD.search(text):
        return "csl"
    return "better-bibtex" if '"BetterBibTeX JSON"' in text else None


def read_references(content: bytes, format: Format) -> ReadLibrary:
    """Return the works of a file; raise `UnreadableFile` where it holds no library at all.

    A work that cannot be read becomes a warning (`unreadable-reference`), never an error.
    """
    text, guess = decode(content)
    warnings = [Warning("encoding-guessed", guess)] if guess else []
    if not text.strip("\ufeff \t\r\n\0"):
        raise UnreadableFile("The file is empty. Export the library again.")
    read = _told_apart(_read_each(text, format), warnings)
    if not read and format in ("bibtex", "ris"):
        raise UnreadableFile(f"The file holds no entry that can be read as {_NAMES[format]}.")
    left = len(warnings) - MOST_WARNINGS
    if left > 0:
        warnings[MOST_WARNINGS:] = [Warning("unreadable-reference", f"And {left} more like these.")]
    return ReadLibrary(read, warnings)


_NAMES = {"bibtex": "BibTeX", "ris": "RIS"}


def _read_each(text: str, format: Format) -> Iterator[Reference | str]:
    """Return the works of a text, or sentences in the place of those that cannot be read."""
    if format == "bibtex":
        return bibtex.references_of(text)
    if format == "ris":
        return ris.references_of(text)
    items, outer = _items(text)
    if format == "csl":
        return csl.references_of(items)
    return zotero.references_of(items, outer.get("collections"))


def _items(text: str) -> tuple[Iterable[Any], Mapping[str, Any]]:
    """Return the items of a JSON text and the object around them."""
    library = _json(text)
    outer = mapping_of(library)
    if isinstance(library, list):
        return library, {}
    for name in ("items", "references"):
        if isinstance(outer.get(name), list):
            return list_of(outer[name]), outer
    if "itemType" in outer or "type" in outer or "data" in outer:
        return [library], {}
    raise UnreadableFile("The JSON holds no items: a list is needed, or an object with `items`.")


def _json(text: str) -> Any:
    try:
        return json.loads(
            text.lstrip("\ufeff").rstrip("\0"), parse_constant=_nothing, parse_int=_bounded
        )
    except json.JSONDecodeError as error:
        raise UnreadableFile(
            f"The file is no whole JSON: {error.msg} in line {error.lineno}. Export it again."
        ) from error
    except RecursionError as error:
        raise UnreadableFile("The JSON is nested too deeply to be a library.") from error


def _nothing(_constant: str) -> None:
    """Read NaN and Infinity as nothing: they are no JSON."""


def _bounded(digits: str) -> int | str:
    return int(digits) if len(digits) < 30 else digits


def _told_apart(entries: Iterable[Reference | str], warnings: list[Warning]) -> list[Reference]:
    """Return the works, numbering those that bear one name; what is not one becomes a warning."""
    read: list[Reference] = []
    seen: Counter[str] = Counter()
    for entry in entries:
        if isinstance(entry, str):
            warnings.append(Warning("unreadable-reference", entry))
            continue
        name = entry.identity
        if seen[name]:
            warnings.append(Warning("duplicate-reference", f"Several entries are named {name}."))
            entry = replace(entry, twin=seen[name])
        seen[name] += 1
        read.append(entry)
    return read
