"""Pages to chunks: the passages that are embedded, searched and cited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragline.indexes.texts import indexed_text as indexed_text
from ragline.ingestion.units import Unit, units_of

SMALLEST = 90
LARGEST = 160
TARGET = 125

# What a chunk costs, in words: a missing word below SMALLEST costs 1, so a chunk rather stays
# 25 words short than crosses a page, and 40 rather than run into the next section.
PAGE_CROSSED = 25.0
HEADING_INSIDE = 40.0
PARAGRAPH_CUT = 4.0
HEADING_LAST = 400.0
TINY = 200.0
OFF_TARGET = 0.05


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk's text with its pages (counted from 1) and the heading it stands under."""

    text: str
    page_start: int
    page_end: int
    heading: str | None


def split_pages(pages: Sequence[tuple[int, str]]) -> list[Piece]:
    """Cut pages (number, text) into chunks of about 90 to 160 words, in order.

    Cuts fall between sentences, before headings and at page ends as far as sizes allow; no
    word is lost or doubled. Pages without text give nothing; a text of less than 90 words
    is one chunk.
    """
    texts = dict(pages)
    units = [unit for number, text in pages for unit in units_of(number, text, largest=LARGEST)]
    headings = _headings_above(units)
    return [
        _piece(texts, units[start:end], _heading_at(units, headings, start, end))
        for start, end in _best_cuts(units)
    ]


def _best_cuts(units: Sequence[Unit]) -> list[tuple[int, int]]:
    """Return the cheapest way to group consecutive units, as index ranges."""
    if sum(unit.size for unit in units) < SMALLEST:
        return [(0, len(units))] if units else []
    costs = [0.0] + [float("inf")] * len(units)
    starts = [0] * (len(units) + 1)
    for end in range(1, len(units) + 1):
        for start, cost in _last_chunks(units, end):
            if costs[start] + cost < costs[end]:
                costs[end], starts[end] = costs[start] + cost, start
    cuts: list[tuple[int, int]] = []
    end = len(units)
    while end > 0:
        cuts.append((starts[end], end))
        end = starts[end]
    return cuts[::-1]


def _last_chunks(units: Sequence[Unit], end: int) -> Iterator[tuple[int, float]]:
    """Yield where a chunk that ends before `end` may start, with what it costs."""
    last = units[end - 1]
    is_whole = last.ends_paragraph or end == len(units)
    ending = 0.0 if is_whole else HEADING_LAST if last.heading else PARAGRAPH_CUT
    size, inside = 0, 0.0
    for start in range(end - 1, -1, -1):
        unit = units[start]
        size += unit.size
        if size > LARGEST and start < end - 1:
            return
        if start < end - 1:
            inside += _joint(unit, units[start + 1])
        yield start, ending + inside + _size_cost(size)


def _joint(before: Unit, after: Unit) -> float:
    """Return what it costs to have two neighbours in one chunk."""
    cost = PAGE_CROSSED if before.page != after.page else 0.0
    if after.heading and not before.heading:
        cost += HEADING_INSIDE
    return cost


def _size_cost(size: int) -> float:
    """Return what a chunk of this many words costs."""
    cost = OFF_TARGET * abs(size - TARGET)
    if size < SMALLEST:
        cost += SMALLEST - size
    return cost + TINY if size < SMALLEST // 2 else cost


def _headings_above(units: Sequence[Unit]) -> list[str | None]:
    """Return for each unit the heading it stands under, or is."""
    found: list[str | None] = []
    for unit in units:
        found.append(unit.heading or (found[-1] if found else None))
    return found


def _heading_at(
    units: Sequence[Unit], headings: Sequence[str | None], start: int, end: int
) -> str | None:
    """Return a chunk's heading: the nearest above its first unit that is none itself."""
    first = next((i for i in range(start, end) if units[i].heading is None), end - 1)
    return headings[first]


def _piece(texts: dict[int, str], units: Sequence[Unit], heading: str | None) -> Piece:
    """Build a chunk from neighbouring units, with the white space between them as it was."""
    parts: list[str] = []
    first = units[0]
    for unit, following in zip(units, [*units[1:], None], strict=True):
        if following is None or following.page != unit.page:
            parts.append(texts[unit.page][first.start : unit.end])
            first = following or first
    return Piece("\n\n".join(parts), units[0].page, units[-1].page, heading)
