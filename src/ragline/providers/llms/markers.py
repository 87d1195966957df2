"""Markers like `[2]` in a model's answer become quotes, or go."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragline.language.sentences import split_sentences
from ragline.providers.contracts import Passage, Quote
from ragline.providers.llms.evidence import Evidence

_MARKER = re.compile(r"[^\S\n]*\[(\d{1,4}(?:\s*[,;]\s*\d{1,4})*)\]")
_NUMBER = re.compile(r"\d+")


def cited(answer: str, question: str, passages: Sequence[Passage]) -> tuple[str, tuple[Quote, ...]]:
    """Return the answer with markers that count its quotes from 1, and the quotes.

    A model's marker names a passage. Its quote is the sentence of that passage which best
    supports the sentence before the marker, in the light of the question. Markers of
    passages that were never given are removed.
    """
    evidence = Evidence(passages)
    quotes: list[Quote] = []
    parts: list[str] = []
    end = 0
    for marker in _MARKER.finditer(answer):
        parts.append(answer[end : marker.start()])
        end = marker.end()
        claim = _claim(answer, marker)
        for passage in _named(marker, len(passages)):
            quote = _quote(evidence, passage, claim, question)
            if quote is not None:
                if quote not in quotes:
                    quotes.append(quote)
                parts.append(_mark(parts, quotes.index(quote) + 1))
    return "".join([*parts, answer[end:]]).strip(), tuple(quotes)


def _mark(parts: Sequence[str], number: int) -> str:
    """Return a marker that stands apart from the word before it, but not from a marker."""
    before = next((part for part in reversed(parts) if part), "")
    return f"[{number}]" if not before or before[-1] in "\n ]" else f" [{number}]"


def _named(marker: re.Match[str], count: int) -> list[int]:
    """Return the indexes of the passages that a marker names and that exist, each once."""
    numbers = [int(number) - 1 for number in _NUMBER.findall(marker[1])]
    return list(dict.fromkeys(number for number in numbers if 0 <= number < count))


def _claim(answer: str, marker: re.Match[str]) -> str:
    """Return the sentence that a marker stands in or behind, or leads where it comes first."""
    before = _MARKER.sub("", answer[: marker.start()]).rstrip()
    line = before.rpartition("\n")[2] if before.rpartition("\n")[2].strip() else before
    if line:
        start, stop = split_sentences(line)[-1]
        return line[start:stop]
    after = _MARKER.sub("", answer[marker.end() :]).strip()
    return after[slice(*split_sentences(after)[0])] if after else ""


def _quote(evidence: Evidence, passage: int, claim: str, question: str) -> Quote | None:
    """Return the best sentence of a passage; the question decides between equal ones."""
    best = evidence.best_sentence(passage, claim, question)
    return Quote(passage, evidence.text(best)) if best else None
