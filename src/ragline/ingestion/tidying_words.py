"""Words of a passage as it was read and as it was repaired: which may stand for which."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LONGEST_NOISE = 2
# Parts that a word may be read as.
MOST_PARTS = 12

_TOKEN = re.compile(r"\w+", re.UNICODE)
MISREAD_NUMBER = re.compile(
    r"(?<![^\W_])(?=[\dOoIlSBZ]*\d)(?=[\dOoIlSBZ]*[OoIlSBZ])[\dOoIlSBZ]{2,}(?![^\W_])"
)
DIGIT_OF = str.maketrans("OoIlSBZ", "0011582")
_LOOK_ALIKE = (("rn", "m"), ("li", "h"), ("vv", "w"), ("cl", "d"), ("ii", "u"), ("ri", "n"))
# Digits that letters are read as.
_LETTER_LIKE = Counter({digit: 1000 for digit in "015689"})
# Words of a letter or two away from others that say something else.
_NEGATIONS = """
    no not nor never none nothing neither without cannot n nt except ne non ni jamais rien aucun
    aucune sans pas sauf hormis nicht nie kein keine keinen ohne nada nunca sin nao sem mai senza
    niet geen
"""
_NUMBERS = """
    one two three four five six seven eight nine ten eleven twelve hundred thousand million billion
    un deux trois quatre cinq sept huit neuf dix onze douze cent mille millions milliard milliards
    eins zwei drei vier funf sechs sieben acht neun zehn elf zwolf hundert tausend millionen
"""
_WEIGHTY = frozenset([*_NEGATIONS.split(), *_NUMBERS.split(), "he", "she", "his", "her"])
_REVERSING = ("anti", "contre", "counter", "desin", "non", "dis", "mis", "des", "hyper", "hypo")
_REVERSING_SHORT = ("in", "im", "il", "ir", "un", "de", "re", "ab", "ex", "a")


@dataclass(frozen=True, slots=True)
class Word:
    """A word folded to bare letters, and how it is written."""

    folded: str
    written: str


def fit(before: Sequence[Word], after: Sequence[Word]) -> bool:
    """Tell whether words can be paired in order: misread, joined, divided, or noise that goes."""
    reached = {(0, 0)}
    for i in range(len(before) + 1):
        for k in range(len(after) + 1):
            if (i, k) in reached:
                reached.update((i + a, k + b) for a, b in _pairs(before[i:], after[k:]))
    return (len(before), len(after)) in reached


def _pairs(before: Sequence[Word], after: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Yield how many of the next words on both sides may stand for each other."""
    if not before:
        return
    if is_noise(before[0]):
        yield 1, 0
    if not after:
        return
    if _is_near(before[0].folded, after[0].folded):
        yield 1, 1
    for parts in range(2, MOST_PARTS + 1):
        if parts <= len(before) and _is_whole(joined(before[:parts]), after[0].folded):
            yield parts, 1
        if parts <= len(after) and _is_whole(before[0].folded, joined(after[:parts])):
            yield 1, parts


def _is_whole(old: str, new: str) -> bool:
    """Tell whether parts of a word make it up, a letter in eight misread at most."""
    most = len(old) // 8
    return old == new or (_is_near(old, new) and _steps(old, new, most=most) <= most)


def _is_near(old: str, new: str) -> bool:
    """Tell whether a word may have been misread from another: about one letter in four differs."""
    most = max(1, len(old) // 4)
    digits = [Counter(c for c in word if c.isdigit()) for word in (old, new)]
    if digits[1] - digits[0] or (digits[0] - digits[1]) - _LETTER_LIKE:
        return False
    if _reverses(old, new):
        return False
    return _steps(old, new, most=most) <= most or _shape(old) == _shape(new)


def _shape(word: str) -> str:
    """Return how a word looks from afar: letters that are read as two others are those."""
    for letters, seen in _LOOK_ALIKE:
        word = word.replace(letters, seen)
    return word


def weighty(words: Sequence[Word]) -> Counter[str]:
    """Return those of the words that must stay whatever they look like: negations, numbers."""
    return Counter(word.folded for word in words if word.folded in _WEIGHTY)


def is_noise(word: Word) -> bool:
    """Tell whether a word may be left out: a stray letter or two, none of them a number."""
    if word.folded.isdigit() or word.folded in _WEIGHTY:
        return False
    return len(word.folded) <= LONGEST_NOISE


def _reverses(old: str, new: str) -> bool:
    """Tell whether two words differ by a beginning that turns their meaning round."""
    for longer, shorter in ((old, new), (new, old)):
        for prefix in (*_REVERSING, *_REVERSING_SHORT):
            if longer == prefix + shorter and len(shorter) > 3:
                return True
    beginnings = (*_REVERSING, *_REVERSING_SHORT)
    starts = [[p for p in beginnings if word.startswith(p)] for word in (old, new)]
    return any(
        a != b and old[len(a) :] == new[len(b) :] and len(old) - len(a) > 3
        for a in starts[0]
        for b in starts[1]
    )


def _steps(old: str, new: str, *, most: int) -> int:
    """Return the edit distance of two words, or a number above `most`."""
    if abs(len(old) - len(new)) > most:
        return most + 1
    row = list(range(len(new) + 1))
    for i, a in enumerate(old, start=1):
        above, row[0] = row[0], i
        for j, b in enumerate(new, start=1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (a != b))
        if min(row) > most:
            return most + 1
    return row[-1]


def words_of(text: str) -> list[Word]:
    """Return a text's words in order."""
    return [Word(folded, written) for written in _TOKEN.findall(text) if (folded := fold(written))]


def fold(text: str) -> str:
    """Return bare letters and digits: without case, accents, ligatures, and misread digits."""
    if MISREAD_NUMBER.fullmatch(text):
        text = text.translate(DIGIT_OF)
    plain = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe").replace("æ", "ae"))
    return "".join(c for c in plain if c.isalnum())


def joined(words: Sequence[Word]) -> str:
    """Return the bare letters of words that stand together."""
    return "".join(word.folded for word in words)
