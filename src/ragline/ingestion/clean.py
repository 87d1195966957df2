"""Repair of extracted text: what typesetting put in and reading does not need."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

FEWEST_PAGES = 3
MOST_PAGES = 0.6
EDGE_LINES = 3
LONGEST_RUNNING_LINE = 120

_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
)
_LINE_BREAK = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
# Controls, lone surrogates, zero-width space, byte order marks and other non-characters; the
# joiners stay, Persian and Indic words need them.
_DROPPED = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b\u2060\ud800-\udfff\ufeff\ufffe\uffff]")
_BLANKS = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r"\n{3,}")
_WORD = re.compile(r"\w+(?:-\w+)*")
# The bounds keep the search linear: an unbroken block of letters is no word, however long.
_BROKEN_WORD = re.compile(
    r"(?<![\w-])([^\W\d_][\w-]{0,60}?)([-\u2010\u00ad])\n+([^\W\d_][\w-]{0,60})(\S{0,60})\s?"
)
_FRENCH_ENCLITICS = (
    "ce ci elle elles en il ils je la là le les leur lui moi nous on t toi tu vous y"
)
_KEPT_HYPHENS = frozenset([*_FRENCH_ENCLITICS.split(), "être", "même", "mêmes"])
_NUMBER = re.compile(r"\d{1,5}")

Pages = Sequence[tuple[int, str]]


def repair_page(text: str) -> str:
    """Return a page's text with its line structure, but without the traces of typesetting.

    Composes accents (NFC), spells ligatures out, joins words that were divided at line ends,
    drops control characters and evens out white space.
    """
    tidy = _tidy(text)
    return _join_words(tidy, Counter(_WORD.findall(tidy.lower())))


def repair_pages(pages: Pages) -> list[tuple[int, str]]:
    """Return repaired pages without running headers, footers and page numbers.

    Only short lines at the edge of a page go, and only those that recur on most pages (of
    at least three), or on most even or odd ones; a page is never emptied.
    """
    tidy = [(number, _tidy(text)) for number, text in pages]
    vocabulary = Counter(word for _, text in tidy for word in _WORD.findall(text.lower()))
    running = _running_lines(tidy)
    return [
        (number, _join_words(_without(number, text, running), vocabulary)) for number, text in tidy
    ]


def _tidy(text: str) -> str:
    """Return text in NFC with single blanks, at most one empty line and no control characters."""
    text = _DROPPED.sub("", _LINE_BREAK.sub("\n", text))
    text = _BLANKS.sub(" ", unicodedata.normalize("NFC", text.translate(_LIGATURES)))
    lines = "\n".join(line.strip() for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", lines).strip("\n")


def _join_words(text: str, vocabulary: Counter[str]) -> str:
    """Join words that were divided at a line end; the rest of the second line stays its own."""

    def joined(match: re.Match[str]) -> str:
        first, hyphen, second, punctuation = match.groups()
        keeps = hyphen != "\u00ad" and _keeps_hyphen(first, second, vocabulary)
        return f"{first}{'-' if keeps else ''}{second}{punctuation}\n"

    return _BROKEN_WORD.sub(joined, text).replace("\u00ad", "").strip("\n")


def _keeps_hyphen(first: str, second: str, vocabulary: Counter[str]) -> bool:
    """Tell whether a hyphen at a line end is part of the word, by how the text writes it."""
    if second[0].isupper() or second.lower() in _KEPT_HYPHENS or "-" in first:
        return True
    hyphenated = vocabulary[f"{first}-{second}".lower()]
    return hyphenated > vocabulary[f"{first}{second}".lower()]


def _running_lines(pages: Pages) -> set[tuple[str, str]]:
    """Return the keys of lines that recur at the same edge of most pages."""
    filled = [(number, text) for number, text in pages if text]
    parities = [[p for p in filled if p[0] % 2 == parity] for parity in (0, 1)]
    running: set[tuple[str, str]] = set()
    for group in (filled, *parities):
        if len(group) < FEWEST_PAGES:
            continue
        counts = Counter(key for page in group for key in _edge_keys(*page))
        fewest = max(FEWEST_PAGES, MOST_PAGES * len(group))
        running |= {key for key, count in counts.items() if count >= fewest}
    return running


def _edge_keys(number: int, text: str) -> set[tuple[str, str]]:
    """Return all keys of the lines at both edges of a page."""
    return {key for _, keys in _edges(number, text.split("\n")) for key in keys}


def _edges(number: int, lines: Sequence[str]) -> Iterator[tuple[int, set[tuple[str, str]]]]:
    """Yield index and keys of the first and last lines of a page."""
    filled = [index for index, line in enumerate(lines) if line]
    for edge, indices in (("top", filled[:EDGE_LINES]), ("bottom", filled[-EDGE_LINES:])):
        for index in indices:
            if len(lines[index]) <= LONGEST_RUNNING_LINE:
                yield index, {(edge, key) for key in _keys(number, lines[index].lower())}


def _keys(number: int, line: str) -> Iterator[str]:
    """Yield a line as it is, and with each number written as its distance from the page's.

    So numbers that count with the pages make a line recur, and others do not.
    """
    yield line
    for match in _NUMBER.finditer(line):
        distance = int(match.group()) - number
        yield f"{line[: match.start()]}<page{distance:+d}>{line[match.end() :]}"


def _without(number: int, text: str, running: set[tuple[str, str]]) -> str:
    """Return a page without its running lines, or as it was if nothing else is on it."""
    if not running:
        return text
    lines = text.split("\n")
    dropped = {index for index, keys in _edges(number, lines) if keys & running}
    rest = "\n".join(line for index, line in enumerate(lines) if index not in dropped)
    return _BLANK_LINES.sub("\n\n", rest).strip("\n") if rest.strip() else text
