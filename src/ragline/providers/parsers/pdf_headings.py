"""Headings of a PDF, known by their size, written as Markdown headings.

PDFs say nowhere what is a heading. A short line that is set clearly larger than most of its
page is one; what is numbered or in capitals is found later, by its words.
"""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ragline.providers.parsers.columns import Box

_SIGN = "## "
_LARGER = 1.2
_MOST_WORDS = 12
_FEWEST_LETTERS = 4
# More on one page are the cells of a poster or a form.
_MOST_HEADINGS = 8
_SAME_LINE = 3.0
_ENDS_LIKE_TEXT = re.compile(r"[.,;:…-]$|\.{3}")
_LETTER = re.compile(r"[^\W\d_]")


def with_headings(text: str, layer: Any, raw: Any, boxes: Sequence[Box]) -> str:
    """Return a page's text with a sign before its headings, which must be lines of it."""
    found = _headings(layer, raw, boxes)
    if not found or len(found) > _MOST_HEADINGS:
        return text
    counts = Counter(line.strip() for line in text.splitlines())
    result: list[str] = []
    goes_on = False
    for line in text.split("\n"):
        title = line.strip()
        is_heading = title in found and counts[title] == 1
        if is_heading and goes_on and _measure(result[-1], title) <= _MOST_WORDS:
            result[-1] += f" {title}"
        else:
            result.append(f"{_SIGN}{title}" if is_heading else line)
        goes_on = is_heading
    return "\n".join(result)


def _measure(*texts: str) -> int:
    return sum(len(text.removeprefix(_SIGN).split()) for text in texts)


def _headings(layer: Any, raw: Any, boxes: Sequence[Box]) -> set[str]:
    sizes = [_size(layer, raw, box) for box in boxes]
    widths: Counter[float] = Counter()
    for box, size in zip(boxes, sizes, strict=True):
        widths[round(2 * size) / 2] += int(box.right - box.left)
    usual = widths.most_common(1)[0][0] if widths else 0.0
    if usual <= 0:
        return set()
    lines: dict[int, list[Box]] = {}
    small: set[int] = set()
    for box, size in zip(boxes, sizes, strict=True):
        line = round(box.bottom / _SAME_LINE)
        lines.setdefault(line, []).append(box)
        if size < _LARGER * usual:
            small.add(line)
    large = [parts for line, parts in lines.items() if line not in small]
    if len(large) > _MOST_HEADINGS:
        return set()
    return {text for text in (_words(layer, parts) for parts in large) if _is_title(text)}


def _words(layer: Any, parts: Sequence[Box]) -> str:
    left, bottom = min(box.left for box in parts), min(box.bottom for box in parts)
    right, top = max(box.right for box in parts), max(box.top for box in parts)
    return str(layer.get_text_bounded(left, bottom, right, top)).strip()


def _is_title(text: str) -> bool:
    letters = len(_LETTER.findall(text))
    return (
        "\n" not in text
        and len(text.split()) <= _MOST_WORDS
        and letters >= max(_FEWEST_LETTERS, len(text) // 2)
        and not _ENDS_LIKE_TEXT.search(text)
    )


def _size(layer: Any, raw: Any, box: Box) -> float:
    """Return the height of a box's first character as its font gives it, 0 where there is none."""
    middle = (box.bottom + box.top) / 2
    index = raw.FPDFText_GetCharIndexAtPos(layer, box.left + 1, middle, 2, 2)
    if index < 0:
        return 0.0
    loose = raw.FS_RECTF()
    if not raw.FPDFText_GetLooseCharBox(layer, index, ctypes.byref(loose)):
        return 0.0
    return float(loose.top - loose.bottom)
