"""Markers like `[2]` in a model's words become quotes, or go, while the words still come."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragline.language.sentences import split_sentences
from ragline.providers.contracts import Passage, Quote
from ragline.providers.llms.evidence import Evidence

# Bounded, so that what has to be held back is bounded too.
_NUMBERS = r"\d{1,4}(?:\s{0,3}[,;]\s{0,3}\d{1,4}){0,19}"
_MARKER = re.compile(rf"\[({_NUMBERS})\]")
_BEGINNING = re.compile(rf"\[(?:{_NUMBERS}\s{{0,3}}[,;]?\s{{0,3}})?")
LONGEST_MARKER = 256
LONGEST_CLAIM = 400
# The sentence before a marker does not begin further back than this.
LONGEST_CONTEXT = 2_000

_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"\w")
_SENTENCE_END = re.compile(r"[.!?…](?=\s)|\n")
_BLANKS = re.compile(r"[^\S\n]")


class Markers:
    """Numbers the markers of a growing answer anew and collects their quotes.

    A model's marker names a passage. Its quote is the sentence of that passage which best
    supports the sentence before the marker, or the one behind it where the answer begins with
    the marker, in the light of the question. Markers of passages that were never given are
    removed. What comes out depends on the text alone, never on the pieces it came in.
    """

    def __init__(self, question: str, passages: Sequence[Passage]) -> None:
        self._question = question
        self._passages = passages
        self._evidence: Evidence | None = None
        self._held = ""
        self._said = ""
        self._last = "\n"
        self.quotes: list[Quote] = []
        self.has_words = False

    def feed(self, text: str) -> str:
        """Take more of the model's words; return those whose markers are decided."""
        self._held += text
        return self._decided(is_end=False)

    def end(self) -> str:
        """Return the rest."""
        return self._decided(is_end=True)

    def _decided(self, *, is_end: bool) -> str:
        parts: list[str] = []
        while marker := _MARKER.search(self._held):
            before, behind = self._held[: marker.start()], self._held[marker.end() :]
            plain = _without_end_blanks(before)
            claim = _claim(self._said + plain) or _first_sentence(behind, is_end=is_end)
            if claim is None:
                self._held = self._held[len(plain) :]
                parts.append(self._plain(plain))
                return "".join(parts)
            parts += [self._plain(plain), self._marks(marker[1], claim)]
            self._held = behind
        keep = 0 if is_end else _undecided(self._held)
        words, self._held = self._held[: len(self._held) - keep], self._held[-keep:] * bool(keep)
        return "".join([*parts, self._plain(words)])

    def _plain(self, words: str) -> str:
        """Note words without a marker, and give them out."""
        if words:
            self._said = (self._said + words)[-LONGEST_CONTEXT:]
            self._last = words[-1]
            self.has_words = self.has_words or bool(_WORD.search(words))
        return words

    def _marks(self, numbers: str, claim: str) -> str:
        """Return the markers that take a model's place, none for passages that do not exist."""
        marks = ""
        for passage in _named(numbers, len(self._passages)):
            quote = self._quote(passage, claim)
            if quote is None:
                continue
            if quote not in self.quotes:
                self.quotes.append(quote)
            # A marker stands apart from the word before it, but not from a marker.
            gap = "" if self._last in "\n ]" else " "
            marks += f"{gap}[{self.quotes.index(quote) + 1}]"
            self._last = "]"
        return marks

    def _quote(self, passage: int, claim: str) -> Quote | None:
        """Return the best sentence of a passage; the question decides between equal ones."""
        self._evidence = self._evidence or Evidence(self._passages)
        best = self._evidence.best_sentence(passage, claim, self._question)
        return Quote(passage, self._evidence.text(best)) if best else None


def cited(answer: str, question: str, passages: Sequence[Passage]) -> tuple[str, tuple[Quote, ...]]:
    """Return a whole answer with markers that count its quotes from 1, and the quotes."""
    markers = Markers(question, passages)
    text = markers.feed(answer) + markers.end()
    return text.strip(), tuple(markers.quotes)


def without_markers(text: str) -> str:
    """Return a text without anything that has the form of a marker."""
    return re.sub(rf"[^\S\n]*{_MARKER.pattern}", "", text)


def _undecided(text: str) -> int:
    """Return how many of the last characters may yet become a marker with blanks before it."""
    start = text.rfind("[", max(0, len(text) - LONGEST_MARKER))
    if start < 0 or not _BEGINNING.fullmatch(text, start):
        start = len(text)
    return len(text) - len(_without_end_blanks(text[:start]))


def _without_end_blanks(text: str) -> str:
    end = len(text)
    while end and _BLANKS.match(text, end - 1):
        end -= 1
    return text[:end]


def _named(numbers: str, count: int) -> list[int]:
    """Return the indexes of the passages that a marker names and that exist, each once."""
    indexes = [int(number) - 1 for number in _NUMBER.findall(numbers)]
    return list(dict.fromkeys(index for index in indexes if 0 <= index < count))


def _claim(said: str) -> str:
    """Return the sentence that a marker stands in or behind; nothing where it comes first."""
    before = said[-LONGEST_CONTEXT:].rstrip()
    line = before.rpartition("\n")[2]
    spans = split_sentences(line)
    return line[slice(*spans[-1])] if spans else ""


def _first_sentence(behind: str, *, is_end: bool) -> str | None:
    """Return the sentence that a marker leads, None while that still comes."""
    words = behind.lstrip()[:LONGEST_CLAIM]
    stop = _SENTENCE_END.search(words)
    if stop is None and len(words) < LONGEST_CLAIM and not is_end:
        return None
    return without_markers(words[: stop.end()] if stop else words)
