"""Two columns of a PDF whose lines were drawn across both, put into reading order.

Most programs draw one column after the other, and PDFium keeps their order. Where lines go
left, right, left, right, it reads across; a table of two columns looks the same, but its
cells seldom fill the width, and is left as it is.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

_LEAST_LINES = 8
_MIDDLE = (0.35, 0.65)
_STEPS = 30
_MOST_CROSSING = 0.2
_LEAST_FILLED = 0.6
# Columns of one text are about as wide as each other; names and their explanations are not.
_ALIKE = 0.7
_SAME_LINE = 3.0
_TOUCH = 1.0


class Box(NamedTuple):
    """A piece of a line in points; the origin is at the lower left."""

    left: float
    bottom: float
    right: float
    top: float


def boxes_of(layer: Any) -> list[Box]:
    """Return the pieces of a page's text layer in the order in which they were drawn."""
    return [Box(*layer.get_rect(index)) for index in range(layer.count_rects())]


def text_in_columns(layer: Any, raw: Any, boxes: Sequence[Box]) -> str | None:
    """Return a page's text column by column, None where PDFium's own order is right.

    `layer` is the page's text layer, `raw` PDFium's own functions.
    """
    gutter = find_gutter(boxes)
    return None if gutter is None else _split_at(layer, raw, gutter)


def find_gutter(boxes: Sequence[Box]) -> float | None:
    """Return where two interleaved columns part, None if there are none."""
    gutter = _clearest(boxes) if len(boxes) >= 2 * _LEAST_LINES else None
    if gutter is None:
        return None
    beside = [box for box in boxes if not _crosses(box, gutter)]
    left = [box for box in beside if box.right <= gutter + _TOUCH]
    right = [box for box in beside if box.right > gutter + _TOUCH]
    if min(len(left), len(right)) < _LEAST_LINES or not _are_interleaved(beside, gutter):
        return None
    widths = sorted((_width(left), _width(right)))
    alike = widths[0] >= _ALIKE * widths[1]
    return gutter if alike and _is_prose(left) and _is_prose(right) else None


def _clearest(boxes: Sequence[Box]) -> float | None:
    """Return the place near the middle that fewest boxes cross, None if too many do."""
    first, last = min(box.left for box in boxes), max(box.right for box in boxes)
    begin, end = (first + share * (last - first) for share in _MIDDLE)
    most = _MOST_CROSSING * len(boxes)
    # Lines across the whole middle tell at once that there is one column.
    if sum(box.left < begin and box.right > end for box in boxes) > most:
        return None
    places = [begin + (end - begin) * step / _STEPS for step in range(_STEPS + 1)]
    crossings = [sum(_crosses(box, place) for box in boxes) for place in places]
    fewest = min(crossings)
    clear = [place for place, count in zip(places, crossings, strict=True) if count == fewest]
    return clear[len(clear) // 2] if fewest <= most else None


def _crosses(box: Box, place: float) -> bool:
    return box.left < place - _TOUCH and box.right > place + _TOUCH


def _is_prose(boxes: Sequence[Box]) -> bool:
    """Tell whether most lines fill their column, as sentences do."""
    lines: dict[int, float] = {}
    for box in boxes:
        line = round(box.bottom / _SAME_LINE)
        lines[line] = lines.get(line, 0.0) + box.right - box.left
    return len(lines) >= _LEAST_LINES and median(lines.values()) >= _LEAST_FILLED * _width(boxes)


def _width(boxes: Sequence[Box]) -> float:
    return max(box.right for box in boxes) - min(box.left for box in boxes)


def _are_interleaved(boxes: Sequence[Box], gutter: float) -> bool:
    sides = [box.left > gutter - _TOUCH for box in boxes]
    changes = sum(one != other for one, other in pairwise(sides))
    return changes > min(sum(sides), len(sides) - sum(sides))


def _split_at(layer: Any, raw: Any, gutter: float) -> str:
    """Return the lines left of the gutter, then those right of it, down to each line across."""
    done: list[str] = []
    left: list[str] = []
    right: list[str] = []
    for line in _lines(layer, raw):
        at = _cut(line, gutter)
        if at is None:
            done += [*left, *right, _joined(line)]
            left, right = [], []
            continue
        left += [_joined(line[:at])] if at else []
        right += [_joined(line[at:])] if at < len(line) else []
    return "\n".join([*done, *left, *right])


_Character = tuple[str, float, float]
"""A character with its left and right edge; both are 0 where nothing was drawn."""


def _lines(layer: Any, raw: Any) -> list[list[_Character]]:
    lines: list[list[_Character]] = [[]]
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    for index in range(layer.count_chars()):
        code = raw.FPDFText_GetUnicode(layer, index)
        if code in (10, 13):
            if lines[-1]:
                lines.append([])
            continue
        raw.FPDFText_GetCharBox(layer, index, left, right, bottom, top)
        lines[-1].append((chr(code), left.value, right.value))
    return [line for line in lines if line]


def _cut(line: list[_Character], gutter: float) -> int | None:
    """Return how many characters stand left of the gutter, None if the line runs across it."""
    drawn = [(at, left, right) for at, (text, left, right) in enumerate(line) if text.strip()]
    if any(left < gutter < right for _, left, right in drawn):
        return None
    beyond = [at for at, left, _ in drawn if left >= gutter]
    if not beyond:
        return len(line)
    at = beyond[0]
    before = [right for place, _, right in drawn if place < at]
    size = median(right - left for _, left, right in drawn)
    if before and line[at][1] - max(before) < 1.5 * size:
        return None  # a space between two words, not between two columns
    return at


def _joined(line: Sequence[_Character]) -> str:
    return "".join(text for text, _, _ in line).strip()
