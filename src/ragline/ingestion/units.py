"""The parts of a page that a chunk should not cut: headings, sentences, lines of a list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from ragline.language.sentences import split_sentences

# Beyond this many words a run of lines without a sentence end is taken for a table or a list.
LONG_SENTENCE = 80
LONG_WORD = 24
HEADING_WORDS = 12
HEADINGS_IN_A_ROW = 3

_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_LINE = re.compile(r"[^\n]+")
_WORD = re.compile(r"\S+")
_MARKDOWN = re.compile(r"#{1,6}\s+(?P<title>\S.*?)\s*#*")
_UNDERLINE = re.compile(r"(?:={3,}|-{3,})")
_NUMBERED = re.compile(
    r"(?:\d{1,2}(?:\.\d{1,2}){0,4}\.?|[IVX]{1,5}\.|[A-Z]\.|(?:Chapter|Section|Chapitre|Partie|Annexe)"
    r"\s+\w+[.:]?)\s+[^\W\d_].*"
)
_LIST_ITEM = re.compile(r"(?:[-*•–—·▪◦‣]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+\S")
_NO_TITLE = re.compile(r"[.,;:!?…。]$|\.{4}|…\s*\d+$")  # ends like text, or leads to a page


@dataclass(frozen=True, slots=True)
class Unit:
    """A span of one page's text; `size` counts words, `heading` is its title if it is one."""

    page: int
    start: int
    end: int
    size: int
    heading: str | None
    ends_paragraph: bool


@dataclass(frozen=True, slots=True)
class _Line:
    """A line's span and text without white space around it; `after_gap` follows an empty one."""

    start: int
    end: int
    text: str
    after_gap: bool


def measure(text: str) -> int:
    """Return the size of a text in words; the sizes of its parts add up to it.

    Overlong words count as several, and scripts without spaces as one word for two characters.
    """
    words = text.split()
    size = sum(1 + len(word) // LONG_WORD for word in words)
    if text.isascii() or not _UNSPACED.search(text):
        return size
    return size + sum(len(_UNSPACED.findall(word)) // 2 for word in words)


def units_of(page: int, text: str, *, largest: int) -> list[Unit]:
    """Return a page's units in order; together they hold every character but white space."""
    units: list[Unit] = []
    for lines, heading in _blocks(_lines(text)):
        start, end = lines[0].start, lines[-1].end
        size = measure(text[start:end])
        # What is marked as a heading may be longer than a chunk, which no heading is.
        if heading is not None and size <= largest:
            units.append(Unit(page, start, end, size, heading, False))
            continue
        spans = [part for span in _sentences(text, lines) for part in _cut(text, *span, largest)]
        for span in spans:
            is_last = span is spans[-1]
            units.append(Unit(page, *span, measure(text[slice(*span)]), None, is_last))
    return units


def _lines(text: str) -> list[_Line]:
    """Return the lines that hold anything."""
    lines: list[_Line] = []
    last_end = -2
    for match in _LINE.finditer(text):
        stripped = match.group().strip()
        if stripped:
            start = match.start() + match.group().index(stripped)
            lines.append(
                _Line(start, start + len(stripped), stripped, match.start() > last_end + 1)
            )
            last_end = match.end()
    return lines


def _blocks(lines: Sequence[_Line]) -> Iterator[tuple[list[_Line], str | None]]:
    """Group lines into headings, paragraphs and list items, each with its title if a heading."""
    block: list[_Line] = []
    headings = _headings(lines)
    position = 0
    while position < len(lines):
        line = lines[position]
        taken, title = headings.get(position, (0, None))
        if block and (taken or line.after_gap or _LIST_ITEM.match(line.text)):
            yield block, None
            block = []
        if taken:
            yield list(lines[position : position + taken]), title
            position += taken
            continue
        block.append(line)
        position += 1
    if block:
        yield block, None


def _headings(lines: Sequence[_Line]) -> dict[int, tuple[int, str]]:
    """Return, by position, how many lines a heading takes and its title."""
    certain: dict[int, tuple[int, str]] = {}
    likely: dict[int, tuple[int, str]] = {}
    for position, line in enumerate(lines):
        following = lines[position + 1] if position + 1 < len(lines) else None
        markdown = _MARKDOWN.fullmatch(line.text)
        if markdown:
            certain[position] = (1, markdown["title"])
        elif following and _is_underlined(line, following):
            certain[position] = (2, line.text)
        elif _may_be_title(line, following) and not _is_numbered_list(lines, position):
            likely[position] = (1, line.text)
    return certain | {at: found for at, found in likely.items() if not _in_a_run(at, likely)}


def _is_underlined(line: _Line, following: _Line) -> bool:
    """Tell whether the next line underlines this one, as in setext headings."""
    return (
        not following.after_gap
        and bool(_UNDERLINE.fullmatch(following.text))
        and len(line.text.split()) <= HEADING_WORDS
        and any(character.isalpha() for character in line.text)
    )


def _may_be_title(line: _Line, following: _Line | None) -> bool:
    """Tell whether a line reads like a title and something follows it."""
    text = line.text
    if following is None or _NO_TITLE.search(text) or len(text.split()) > HEADING_WORDS:
        return False
    if not any(character.isalpha() for character in text) or (
        _LIST_ITEM.match(text) and not _NUMBERED.fullmatch(text)
    ):
        return False
    if _NUMBERED.fullmatch(text) or (text.isupper() and len(text) > 3):
        return True
    return line.after_gap and following.after_gap and text[0].isupper()


def _is_numbered_list(lines: Sequence[_Line], position: int) -> bool:
    """Tell whether a numbered line stands next to another: then it is a list, not a title."""
    if not _LIST_ITEM.match(lines[position].text):
        return False
    neighbours = lines[max(0, position - 1) : position] + lines[position + 1 : position + 2]  # type: ignore[operator]  # a list's slices are lists
    return any(_LIST_ITEM.match(line.text) for line in neighbours)


def _in_a_run(position: int, likely: dict[int, tuple[int, str]]) -> bool:
    """Tell whether too many likely titles stand together: the cells of a table, an index."""
    first = last = position
    while first - 1 in likely:
        first -= 1
    while last + 1 in likely:
        last += 1
    return last - first + 1 > HEADINGS_IN_A_ROW


def _sentences(text: str, lines: Sequence[_Line]) -> Iterator[tuple[int, int]]:
    """Yield a block's sentences; long runs without a sentence end are yielded line by line."""
    offset = lines[0].start
    for start, end in split_sentences(text[offset : lines[-1].end]):
        start, end = start + offset, end + offset
        if measure(text[start:end]) <= LONG_SENTENCE:
            yield start, end
            continue
        for line in _LINE.finditer(text, start, end):
            stripped = line.group().strip()
            if stripped:
                begin = line.start() + line.group().index(stripped)
                yield begin, begin + len(stripped)


def _cut(text: str, start: int, end: int, largest: int) -> Iterator[tuple[int, int]]:
    """Cut a span that is larger than a chunk into even parts, by words or else by characters."""
    if measure(text[start:end]) <= largest:
        yield start, end
        return
    words = list(_small_words(text, start, end, largest // 4))
    sizes = [measure(text[slice(*word)]) for word in words]
    # A part may run over its share by less than one word, hence the room for the longest.
    parts = -(-sum(sizes) // (largest - max(sizes) + 1))
    before = [0, *accumulate(sizes)]
    for _, part in groupby(range(len(words)), lambda i: before[i] * parts // before[-1]):
        indices = list(part)
        yield words[indices[0]][0], words[indices[-1]][1]


def _small_words(text: str, start: int, end: int, largest: int) -> Iterator[tuple[int, int]]:
    """Yield the words of a span, those without spaces cut into runs of characters."""
    for word in _WORD.finditer(text, start, end):
        if measure(word.group()) <= largest:
            yield word.span()
            continue
        for begin in range(word.start(), word.end(), largest):
            yield begin, min(begin + largest, word.end())
