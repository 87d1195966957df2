"""Pages of formats whose library gives one text: marked before it reads, divided after."""

from __future__ import annotations

import re

from ragline.providers.parsers.tables import header_of, with_headers

MARK = "\ufdd0"
"""Stands where a page turns. Unicode keeps this code point free for a program's own use."""

STAND_INS = {"&": "\ufdd1", "<": "\ufdd2", ">": "\ufdd3"}
"""What is written for these characters where the library would leave them out."""

_PREFIX = re.compile(r"[\s#>*_+~-]*(?:\d+[.)]\s*)?")
_SUFFIX = re.compile(r"[\s*_~#]*")
_IMAGE = re.compile(r"!\[[^\[\]\n]*\]\([^()\n]*\)")
_LINK = re.compile(r"(?<!\\)\[([^\[\]\n]+)\]\((?:[^()\n]|\([^()\n]*\))*\)")
_ESCAPED = re.compile(r"\\([\\*_<>\[\]`~&()+.!{}-])")
_EMPHASIS = re.compile(r"(?<![\\*])(\*{1,3})(?=[^\s*])([^*\n]*[^\s*\\])\1(?!\*)")
_HASH = re.compile(r"(?<=[^\n])\\#")
_STOOD_IN = str.maketrans({stand_in: character for character, stand_in in STAND_INS.items()})
_ROW_MARKER = re.compile(r"^\[TABLE_ROW\]$", re.MULTILINE)
_EMPTY_LINES = re.compile(r"\n{3,}")


def divided(markdown: str) -> list[str]:
    """Return the pages of a text with marks, the words of each made readable.

    A mark inside a heading's or a list item's sign, or in a table's row, turns the page
    before the line, and a table that goes on shows its header again.
    """
    pages: list[list[str]] = [[]]
    table: list[str] = []
    for line in markdown.split("\n"):
        first, *others = _pieces(line)
        pages[-1].append(first)
        for piece in others:
            pages.append([*header_of(table), piece])
        table = [*table, line.replace(MARK, "")][:2] if line.startswith("|") else []
    return [readable("\n".join(lines)) for lines in pages]


def readable(markdown: str) -> str:
    """Return Markdown without what is noise in a passage: addresses, emphasis, escapes."""
    text = _IMAGE.sub("", _ROW_MARKER.sub("", markdown))
    text = _EMPHASIS.sub(r"\2", text)
    text = _HASH.sub("#", _ESCAPED.sub(r"\1", _LINK.sub(r"\1", text)))
    text = text.translate(_STOOD_IN)
    return _EMPTY_LINES.sub("\n\n", with_headers(text)).strip("\n")


def _pieces(line: str) -> list[str]:
    """Return the parts of a line that stand on different pages, one where no page turns."""
    if MARK not in line:
        return [line]
    if line.startswith("|"):
        return ["", *[""] * (line.count(MARK) - 1), line.replace(MARK, "")]
    pieces = line.split(MARK)
    # The sign of a heading or list belongs to the words after the mark.
    if _PREFIX.fullmatch(pieces[0]) and len(pieces) > 1:
        after = next((at for at, piece in enumerate(pieces[1:], 1) if piece.strip()), None)
        if after is not None:
            pieces[after] = pieces[0] + pieces[after]
        pieces[0] = ""
    if len(pieces) > 1 and _SUFFIX.fullmatch(pieces[-1]):
        pieces[-2], pieces[-1] = pieces[-2] + pieces[-1].rstrip(), ""
    return pieces
