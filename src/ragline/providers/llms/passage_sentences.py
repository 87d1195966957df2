"""The sentences of passages: where each begins and ends, also where no full stop helps."""

from __future__ import annotations

import re

from ragline.language.sentences import split_sentences

LONGEST = 500

# A line this much shorter than the longest was not wrapped: it is a heading, a row or an end.
ENDS_EARLY = 0.75

_LINE = re.compile(r"[^\n]+")
# Where a sentence that is too long is best cut, the best place first.
_CUTS = tuple(map(re.compile, (r"\n", r"(?<=[;:•|])\s", r"(?<=,)\s", r"\s")))


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return the spans of sentences; a line that ends early ends one, and so does length."""
    spans: list[tuple[int, int]] = []
    for start, end in _blocks(text):
        for first, last in split_sentences(text[start:end]):
            spans += _pieces(text, start + first, start + last)
    return spans


def _blocks(text: str) -> list[tuple[int, int]]:
    """Return the spans of lines that were wrapped from one another, such as a paragraph's."""
    lines = [match.span() for match in _LINE.finditer(text) if match.group().strip()]
    longest = max((end - start for start, end in lines), default=0)
    blocks: list[tuple[int, int]] = []
    goes_on = False
    for start, end in lines:
        if goes_on and "\n\n" not in text[blocks[-1][1] : start]:
            blocks[-1] = (blocks[-1][0], end)
        else:
            blocks.append((start, end))
        goes_on = end - start >= ENDS_EARLY * longest
    return blocks


def _pieces(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Cut what is longer than a sentence should be, such as a table, at the best places."""
    pieces: list[tuple[int, int]] = []
    while end - start > LONGEST:
        cut = start + _cut(text[start : start + LONGEST])
        pieces.append((start, start + len(text[start:cut].rstrip())))
        start = cut + len(text[cut:end]) - len(text[cut:end].lstrip())
    return [*pieces, (start, end)]


def _cut(window: str) -> int:
    """Return the last good place in the second half of a window, else its end."""
    half = len(window) // 2
    for pattern in _CUTS:
        places = [found.end() for found in pattern.finditer(window) if found.start() > half]
        if places:
            return places[-1]
    return len(window)
