"""LaTeX as bibliographies use it → plain text and names."""

from __future__ import annotations

import re

from bibtexparser.customization import InvalidName, splitname
from bibtexparser.latexenc import latex_to_unicode

from ragline.references.names import MOST_NAMES, written_name

_LONGEST = 100_000
_COMMAND = re.compile(
    r"\\(?:emph|textit|textbf|textsc|textrm|texttt|textsuperscript|mkbib\w+)\b\s*"
)
_LINK = re.compile(r"\\(?:url|href)\s*\{([^{}]*)\}")
_DASHES = re.compile(r"(?<!-)---?(?!-)")
_ESCAPED = re.compile(r"\\([&%$#_{} ])")
_TIE = re.compile(r"(?<!\\)~")


def plain(value: str) -> str:
    """Return a field without commands and protecting brackets, its accents as letters."""
    text = _TIE.sub(" ", value[:_LONGEST])
    if "\\" in text:
        text = _ESCAPED.sub(r"\1", _COMMAND.sub("", _LINK.sub(r"\1", text)))
    if "\\" in text:
        text = latex_to_unicode(text)
    return _DASHES.sub("–", text.replace("{", "").replace("}", ""))


def address(value: str) -> str:
    """Return an address or number as it is meant: nothing in it but `\\%` is a command."""
    return _ESCAPED.sub(r"\1", value[:_LONGEST]).replace("{", "").replace("}", "")


def names_of(value: str) -> list[dict[str, str]]:
    """Return the people of an author field, who have `and` between them."""
    names = (_name(written) for written in _people(value[:_LONGEST])[:MOST_NAMES])
    return [name for name in names if name]


def _people(value: str) -> list[str]:
    """Return what stands between each `and` outside of brackets."""
    people, start, depth, at = [], 0, 0, 0
    for found in re.finditer(r"[{}]|\s+and\s+", value, re.IGNORECASE):
        mark = found[0]
        if mark in "{}":
            depth = depth + 1 if mark == "{" else max(depth - 1, 0)
        elif not depth:
            people.append(value[start : found.start()])
            start = found.end()
        at = found.end()
    return [*people, value[start:]] if at or value else []


def _name(written: str) -> dict[str, str] | None:
    written = " ".join(written.split())[:1000]
    if not written or written.lower() == "others":
        return None
    if re.fullmatch(r"\{[^{}]*\}", written):
        return {"literal": plain(written)}
    try:
        parts = splitname(written, strict_mode=False)
    except InvalidName:
        return written_name(plain(written), "")
    joined = {part: plain(" ".join(words)).strip() for part, words in parts.items()}
    name = written_name(joined["last"], joined["first"])
    if name and joined["von"]:
        name["non-dropping-particle"] = joined["von"]
    if name and joined["jr"]:
        name["suffix"] = joined["jr"]
    return name
