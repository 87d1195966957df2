"""Where sentences begin and end."""

from __future__ import annotations

import re

_LEADING = """
m mm mme mlle mgr me pr dr drs mr mrs ms prof st ste gen col capt lt sgt rev hon
p pp fig figs tab vol vols no nos n° art chap sect ch éd eds cf cfr vs viz approx env ca
e.g i.e p.ex ex c.-à-d c.à.d c-à-d resp eq eqs éq ref refs réf op cit dept univ
av bd boul tél tel hrsg bzw z.b vgl nr d.h u.a
"""
_TRAILING = "etc al inc ltd co corp jr sr ibid p.m a.m ed"
# A full stop after these ends nothing: a name, a number or an example follows.
LEADING_ABBREVIATIONS = frozenset(_LEADING.split())
# These may end a sentence, and do unless a bracket follows.
TRAILING_ABBREVIATIONS = frozenset(_TRAILING.split())

_STOP = re.compile(r"[.!?…]+[\"'”’)\]]*(?:\s?»)?(?=\s|$)|[。！？]+[」』”）]*")
_LAST_WORD = re.compile(r"[^\s(\[«\"“'’]+$")
_LONGEST_ABBREVIATION = 20
_INITIALS = re.compile(r"(?:[^\W\d_]\.[- ]?)*[^\W\d_]")
_LIST_NUMBER = re.compile(r"\d{1,3}|[ivxlcdm]{1,5}", re.IGNORECASE)


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Return the spans of a text's sentences, without the white space between them."""
    spans: list[tuple[int, int]] = []
    start = 0
    for stop in _STOP.finditer(text):
        if _ends_sentence(text, start, stop):
            _add(spans, text, start, stop.end())
            start = stop.end()
    _add(spans, text, start, len(text))
    return spans


def _add(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    """Append a span without surrounding white space, unless nothing is left of it."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))


def _ends_sentence(text: str, start: int, stop: re.Match[str]) -> bool:
    """Tell whether a full stop (or its like) ends the sentence begun at `start`."""
    if stop.group()[0] in "。！？":
        return True
    following = text[stop.end() : stop.end() + 40].lstrip()
    if following and (following[0].islower() or following[0] in ",;:%)]»"):
        return False
    if stop.group() != ".":
        return True
    before = text[max(start, stop.start() - _LONGEST_ABBREVIATION) : stop.start()]
    word = _LAST_WORD.search(before)
    if not word or not following:
        return True
    is_alone = not before[: word.start()].strip() and stop.start() - start <= len(before)
    return not _is_abbreviation(word.group(), is_alone, following)


def _is_abbreviation(word: str, is_alone: bool, following: str) -> bool:
    """Tell whether the full stop after this word belongs to it."""
    lowered = word.lower()
    if lowered in TRAILING_ABBREVIATIONS:
        return following[0] == "("
    if lowered in LEADING_ABBREVIATIONS or (is_alone and _LIST_NUMBER.fullmatch(word)):
        return True
    return word[-1].isupper() and bool(_INITIALS.fullmatch(word))
