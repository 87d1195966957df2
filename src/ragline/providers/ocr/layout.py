"""From words at places to lines in reading order: columns one by one, tables row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

# Columns of running text have about as many lines each, and a third of these fill them.
FEWEST_LINES = 6
FEWEST_LINES_SHARE = 0.5
FILLED = 0.55
WORDS_OF_A_LINE = 4
# Headings may cross the space between two columns; so many of the lines at most.
MOST_CROSSING = 0.15
# Two pieces are one line if they overlap by this part of the lower one's height.
SAME_LINE = 0.5
MOST_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class Box:
    """A place on a page in pixels."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its place; `line` is whatever the engine tells its lines apart by."""

    text: str
    confidence: float
    box: Box
    line: object


@dataclass(frozen=True, slots=True)
class Piece:
    """Words next to each other on one line."""

    text: str
    box: Box


def text_of(words: Sequence[Word]) -> str:
    """Return the words in lines as they are to be read."""
    by_line: dict[object, list[Word]] = {}
    for word in words:
        by_line.setdefault(word.line, []).append(word)
    return "\n".join(in_order([_piece(line) for line in by_line.values()]))


def in_order(pieces: Sequence[Piece], *, columns: int = MOST_COLUMNS) -> list[str]:
    """Return lines of text: of the left column first where there are columns, else row by row."""
    gutter = _gutter(pieces) if columns > 1 else None
    if gutter is None:
        return [" ".join(piece.text for piece in row) for row in _rows(pieces)]
    lines: list[str] = []
    crossing = sorted((p for p in pieces if _crosses(p, gutter)), key=lambda p: p.box.top)
    rest = [piece for piece in pieces if not _crosses(piece, gutter)]
    for heading in (*crossing, None):
        above = [p for p in rest if heading is None or _middle(p) < _middle(heading)]
        rest = [piece for piece in rest if piece not in above]
        for side in (
            [piece for piece in above if piece.box.right <= gutter],
            [piece for piece in above if piece.box.left >= gutter],
        ):
            lines += in_order(side, columns=columns - 1)
        if heading is not None:
            lines.append(heading.text)
    return lines


def _gutter(pieces: Sequence[Piece]) -> int | None:
    """Return where the space between two columns of running text is; None without any."""
    if len(pieces) < 2 * FEWEST_LINES:
        return None
    edges = sorted({piece.box.left for piece in pieces} | {piece.box.right for piece in pieces})
    best, widest = None, 0
    for left, right in pairwise(edges):
        middle = (left + right) // 2
        if right - left > widest and _divides(pieces, middle):
            best, widest = middle, right - left
    return best


def _divides(pieces: Sequence[Piece], gutter: int) -> bool:
    """Tell whether there is a column of running text on both sides of a place."""
    crossing = sum(_crosses(piece, gutter) for piece in pieces)
    if crossing > MOST_CROSSING * len(pieces):
        return False
    left = _rows([piece for piece in pieces if piece.box.right <= gutter])
    right = _rows([piece for piece in pieces if piece.box.left >= gutter])
    fewer, more = sorted((len(left), len(right)))
    return (
        fewer >= max(FEWEST_LINES, FEWEST_LINES_SHARE * more)
        and _is_running(left)
        and _is_running(right)
    )


def _is_running(rows: Sequence[Sequence[Piece]]) -> bool:
    """Tell whether a good part of the lines fill their column with words, as in no table."""
    ends = [(row[0].box.left, max(piece.box.right for piece in row)) for row in rows]
    width = max(right for _, right in ends) - min(left for left, _ in ends)
    words = sorted(sum(len(piece.text.split()) for piece in row) for row in rows)
    lengths = sorted(right - left for left, right in ends)
    place = 2 * len(rows) // 3
    return lengths[place] >= FILLED * width and words[place] >= WORDS_OF_A_LINE


def _rows(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Return pieces that stand side by side together, from left to right, rows from the top."""
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=_middle):
        row = next((row for row in reversed(rows[-4:]) if _belongs(piece, row)), None)
        if row is None:
            rows.append([piece])
        else:
            row.append(piece)
    return [sorted(row, key=lambda piece: piece.box.left) for row in rows]


def _belongs(piece: Piece, row: Sequence[Piece]) -> bool:
    """Tell whether a piece stands beside those of a row, at their height and above none."""
    box = piece.box
    if any(box.left < other.box.right and box.right > other.box.left for other in row):
        return False
    return any(
        min(box.bottom, other.box.bottom) - max(box.top, other.box.top)
        > SAME_LINE * min(box.bottom - box.top, other.box.bottom - other.box.top)
        for other in row
    )


def _crosses(piece: Piece, gutter: int) -> bool:
    return piece.box.left < gutter < piece.box.right


def _middle(piece: Piece) -> float:
    return (piece.box.top + piece.box.bottom) / 2


def _piece(words: Sequence[Word]) -> Piece:
    """Return a line as one piece; letters that stand out do not make it higher."""
    ordered = sorted(words, key=lambda word: word.box.left)
    return Piece(
        " ".join(word.text for word in ordered),
        Box(
            ordered[0].box.left,
            round(median(word.box.top for word in words)),
            max(word.box.right for word in words),
            round(median(word.box.bottom for word in words)),
        ),
    )
