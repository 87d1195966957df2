"""Whether a page's own text is worth keeping, or its picture has to be read: a pure judgement."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from ragline.providers import tasks
from ragline.providers.contracts import PageText

# A picture covers a page, and there are no more letters than a stamp or a footer has.
COVERED = 0.5
LETTERS_OF_A_FOOTER = 100
# A page without a word is blank, or a picture that covers this much of it at least.
SEEN = 0.03
# Below this many characters no share of them says anything.
ENOUGH_TO_JUDGE = 40
MOST_BROKEN = 0.1
FEWEST_LETTERS = 0.35
ENOUGH_WORDS = 40
FEWEST_WITH_VOWELS = 0.6

_BROKEN = re.compile(r"[\ufffd\ue000-\uf8ff\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_CID = re.compile(r"\(cid:\d{1,6}\)")
_SPACE = re.compile(r"\s+")
# Lines of dots or dashes lead the eye, as the bars of tables do: neither text nor garbage.
_LEADER = re.compile(r"([^\w\s\x00-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff])(?:\s*\1){2,}")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]{3,}")
_VOWEL = re.compile(r"[aeiouy\u0153\u00e6\u00f8]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Why a page needs OCR, None if not; `usable` says that its text is better than none."""

    needs_ocr: str | None
    usable: bool = True


GOOD = Judgement(None)


@dataclass(frozen=True, slots=True)
class JudgedPage:
    """A page's own text, empty where it is garbage, and why its picture should be read."""

    number: int
    text: str
    needs_ocr: str | None


def read_judged(path: Path, media_type: str, first: int, last: int) -> list[JudgedPage]:
    """Read pages and judge their texts; run in a child. Pages that nobody can see are good."""
    pages = tasks.read_pages(path, media_type, first, last)
    can_be_seen = tasks.can_be_drawn(media_type)
    judged = [(page, judge(page) if can_be_seen else GOOD) for page in pages]
    return [
        JudgedPage(page.number, page.text if found.usable else "", found.needs_ocr)
        for page, found in judged
    ]


def judge(page: PageText) -> Judgement:
    """Return whether a page's own text is good: blank pages are, and pages of few real words."""
    if page.needs_ocr is not None:
        return Judgement(page.needs_ocr, usable=False)
    text = page.text.strip()
    letters = sum(character.isalnum() for character in text)
    if letters == 0 and page.picture_share < SEEN:
        reason = garbage(text)
        return GOOD if reason is None else Judgement(reason, usable=False)
    if letters == 0 or (page.picture_share >= COVERED and letters < LETTERS_OF_A_FOOTER):
        share = f"{100 * page.picture_share:.0f} % of it"
        return Judgement(f"pictures cover {share}, and it has {letters} letters of its own")
    reason = garbage(text)
    return GOOD if reason is None else Judgement(reason, usable=False)


def garbage(text: str) -> str | None:
    """Return what makes a text garbage, None where it is readable.

    Short texts are left alone: there are pages of a formula or a number.
    """
    named = len("".join(_CID.findall(text)))
    solid = _SPACE.sub("", _LEADER.sub(" ", _CID.sub("", text)).replace("|", ""))
    if len(solid) + named < ENOUGH_TO_JUDGE:
        return None
    broken = len(_BROKEN.findall(solid)) + named
    if broken > MOST_BROKEN * (len(solid) + named):
        return f"{100 * broken / (len(solid) + named):.0f} % of its text are no characters"
    letters = sum(character.isalnum() or _is_mark(character) for character in solid)
    if letters < FEWEST_LETTERS * len(solid):
        return f"only {100 * letters / len(solid):.0f} % of its text are letters or digits"
    words = _LATIN_WORD.findall(text)
    if len(words) >= ENOUGH_WORDS:
        spoken = sum(_VOWEL.search(_plain(word)) is not None for word in words)
        if spoken < FEWEST_WITH_VOWELS * len(words):
            return f"only {100 * spoken / len(words):.0f} % of its words have a vowel"
    return None


def _is_mark(character: str) -> bool:
    """Tell whether a character is part of a letter, as the vowel signs of many scripts are."""
    return unicodedata.category(character).startswith("M")


def _plain(word: str) -> str:
    return unicodedata.normalize("NFD", word)
