"""The sentences of passages: where each begins and ends, also where no full stop helps."""

from __future__ import annotations

import re

from ragline.language.sentences import split_sentences

LONGEST = 500

_PARAGRAPH = re.compile(r"\n[^\S\n]*\n")
# Where a sentence that is too long is best cut, the best place first.
_CUTS = tuple(map(re.compile, (r"\n", r"(?<=[;:•|])\s", r"(?<=,)\s", r"\s")))


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return the spans of sentences; a new paragraph ends one, and so does the longest length."""
    spans: list[tuple[int, int]] = []
    start = 0
    for end in [*(gap.start() for gap in _PARAGRAPH.finditer(text)), len(text)]:
        for first, last in split_sentences(text[start:end]):
            spans += _pieces(text, start + first, start + last)
        start = end
    return spans


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
