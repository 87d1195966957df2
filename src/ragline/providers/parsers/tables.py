"""Tables as Markdown, whose header stands again where a long one would lose it.

A passage holds but a part of a long table; with the header above them its rows say what
they mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

# A table of so many words with its header stays whole in one passage.
WORDS = 80
LONGEST_HEADER = 30

_SEPARATOR = re.compile(r"\|(?:\s*:?-+:?\s*\|)+")
_SPACE = re.compile(r"\s+")
_MIDNIGHT = re.compile(r"^(\d{4}-\d{2}-\d{2}) 00:00:00$")


def sheet(rows: Sequence[Sequence[str]]) -> str:
    """Return a sheet's rows as Markdown: empty rows divide it, lone cells are lines of text."""
    tidy = [[_cell(value) for value in row] for row in rows]
    blocks = []
    for filled, block in groupby(tidy, key=any):
        if filled:
            blocks += list(_block(list(block)))
    return "\n\n".join(blocks)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of the same or different lengths as a Markdown table; the first is its header."""
    width = max((len(row) for row in rows), default=0)
    if not width:
        return ""
    lines = [_line([*map(_cell, row), *[""] * (width - len(row))]) for row in rows]
    return "\n".join(_with_header([lines[0], _line(["---"] * width), *lines[1:]]))


def with_headers(markdown: str) -> str:
    """Return a text in which long tables show their header again and again."""
    lines: list[str] = []
    for is_table, block in groupby(markdown.split("\n"), key=lambda line: line.startswith("|")):
        part = list(block)
        lines += _with_header(part) if is_table else part
    return "\n".join(lines)


def header_of(lines: Sequence[str]) -> list[str]:
    """Return the header that a table's lines begin with: two lines, or none."""
    starts = len(lines) > 1 and _SEPARATOR.fullmatch(lines[1].strip())
    return list(lines[:2]) if starts else []


def _block(rows: list[list[str]]) -> Iterator[str]:
    """Yield the titles above a table, then the table without its empty columns."""
    while rows and sum(map(bool, rows[0])) == 1 and (len(rows) == 1 or _is_wider(rows)):
        yield next(filter(None, rows.pop(0))).replace("\\|", "|")
    used = [place for place in range(max(map(len, rows), default=0)) if _is_used(rows, place)]
    kept = [[row[place] if place < len(row) else "" for place in used] for row in rows]
    if kept:
        yield table(kept)


def _is_wider(rows: list[list[str]]) -> bool:
    return any(sum(map(bool, row)) > 1 for row in rows)


def _is_used(rows: list[list[str]], place: int) -> bool:
    return any(len(row) > place and row[place] for row in rows)


def _cell(value: str) -> str:
    text = _SPACE.sub(" ", _MIDNIGHT.sub(r"\1", value)).strip()
    return re.sub(r"(?<!\\)\|", r"\\|", text)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _with_header(lines: list[str]) -> list[str]:
    header = header_of(lines)
    words = len(header[0].split()) if header else 0
    if not header or words > LONGEST_HEADER:
        return lines
    result, size = list(header), words
    for line in lines[2:]:
        more = len(line.split())
        if size + more > WORDS and size > words:
            result += ["", *header]
            size = words
        result.append(line)
        size += more
    return result
