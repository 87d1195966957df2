"""Paths as exports write them, and names made alike for comparing."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

_SCHEME = re.compile(r"^(?:file:(?://)?(?:localhost)?|attachments:)", re.IGNORECASE)
_STORAGE = re.compile(r"^(?:zotero://[^/]*/|storage:)/*", re.IGNORECASE)
_DRIVE = re.compile(r"^/*[A-Za-z]:(?=[/\\])")
_WINDOWS = re.compile(r"^(?:/*[A-Za-z]:\\|\\\\|[^/]*\\[^/]*$)")
_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ı": "i"})


def parts_of(path: str) -> list[str]:
    """Return the folders and the name of a path, as any system, export or address writes it.

    Schemes, drives and `storage:` are taken off, `..` goes up as far as there is a folder.
    """
    text = path.strip()
    bare = _SCHEME.sub("", text)
    if bare != text and text.lower().startswith("file:"):
        bare = unquote(bare)
    bare = _DRIVE.sub("", _STORAGE.sub("", bare))
    if _WINDOWS.match(text) or _DRIVE.match(text) or "\\" in bare:
        bare = bare.replace("\\", "/")
    parts: list[str] = []
    for part in bare.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return parts


def folded(name: str) -> str:
    """Return a name whose Unicode form and case no longer matter."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def accentless(name: str) -> str:
    """Return a name without case and accents."""
    plain = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    return "".join(each for each in plain if not unicodedata.combining(each))


def letters(name: str) -> str:
    """Return the letters and digits of a name without accents, then a dot and its ending."""
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 5:
        stem, ending = name, ""
    return f"{_alphanumeric(stem)}.{_alphanumeric(ending)}"


def _alphanumeric(text: str) -> str:
    return "".join(character for character in accentless(text) if character.isalnum())


def within(first: str, second: str, limit: int) -> int | None:
    """Return how many letters must be added, taken away or replaced; None if more than `limit`.

    Only the middle, where the two differ, is looked at, and no further than the limit aside.
    """
    if abs(len(first) - len(second)) > limit:
        return None
    first, second = _differing(first, second)
    row = {at: at for at in range(min(limit, len(second)) + 1)}
    for number, letter in enumerate(first, 1):
        row = _next_row(row, number, letter, second, limit)
        if not row:
            return None
    return row.get(len(second))


def _next_row(
    previous: dict[int, int], number: int, letter: str, second: str, limit: int
) -> dict[int, int]:
    """Return the costs of the beginnings of `second` that stay within the limit."""
    row: dict[int, int] = {}
    for at in range(max(number - limit, 0), min(number + limit, len(second)) + 1):
        cost = min(previous.get(at, limit), row.get(at - 1, limit)) + 1
        if at and at - 1 in previous:
            cost = min(cost, previous[at - 1] + (letter != second[at - 1]))
        if cost <= limit:
            row[at] = cost
    return row


def _differing(first: str, second: str) -> tuple[str, str]:
    """Return two texts without what they begin and end with in common."""
    start, shortest = 0, min(len(first), len(second))
    while start < shortest and first[start] == second[start]:
        start += 1
    end = 0
    while end < shortest - start and first[-1 - end] == second[-1 - end]:
        end += 1
    return first[start : len(first) - end], second[start : len(second) - end]
