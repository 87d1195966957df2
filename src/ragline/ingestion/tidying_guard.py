"""Whether a model's repair of a passage kept its meaning: what the guard does not take, stays out.

The model is not trusted: it may be small, wrong, or told by the passage itself to write something
else. So a repair is compared word by word with what was read. Letters may change a little, words
may be joined or divided, noise may go; nothing may come in.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

from ragline.ingestion.tidying_words import (
    DIGIT_OF,
    MISREAD_NUMBER,
    Word,
    fit,
    fold,
    is_noise,
    joined,
    weighty,
    words_of,
)
from ragline.language.detect import detect_language

SHORTEST_SHARE, LONGEST_SHARE = 0.75, 1.15
# Part of the words that may read differently afterwards, and part that may go.
MOST_CHANGED = 0.35
MOST_DROPPED = 0.12
# Neighbouring words that differ; more are another text.
LONGEST_DIFFERENCE = 40
# Shorter texts have no language that one could be sure of.
SHORTEST_FOR_LANGUAGE = 200

_NUMBER = re.compile(r"(?:(?<![\w.,])[-−+±])?(?<![^\W_])\d+(?:[.,:/]\d+)*(?![^\W_])")
_ADDRESS = re.compile(
    r"\S*(?:://|@|www\.)\S*|\b[\w.-]+\.(?:com|org|net|info|fr|de|io|eu|edu|gov|uk|ch|be)\b\S*"
)
_SIGNS = "%€$£¥<>`{}[]\\=~^|"
_KEPT_SIGNS = "%€$£¥"
_NAME = re.compile(r"(?<=[^\W_] )[A-ZÀ-Þ][a-zà-ÿ]{2,}(?![\w])|\b[A-Z]{2,6}\b")
_HIDDEN = frozenset(("Cc", "Cf", "Co", "Cs", "Cn"))


def refusal_of(read: str, repaired: str) -> str | None:
    """Return why a repair is not taken, None where it is: what changed is typography alone."""
    for refused in (_size, _signs, _addresses, _numbers, _names, _words, _language):
        reason = refused(read, repaired)
        if reason is not None:
            return reason
    return None


def _size(read: str, repaired: str) -> str | None:
    before, after = _letters(read), _letters(repaired)
    if not after:
        return "It is empty."
    if not SHORTEST_SHARE * before <= after <= LONGEST_SHARE * before + 2:
        return f"It has {after} letters and digits instead of {before}."
    return None


def _signs(read: str, repaired: str) -> str | None:
    hidden = [c for c in set(repaired) - set(read) - {"\n"} if unicodedata.category(c) in _HIDDEN]
    if hidden:
        return "It brings in characters that nobody sees."
    before, after = Counter(read), Counter(repaired)
    for sign in _SIGNS:
        if after[sign] > before[sign]:
            return f"It brings in the sign {sign!r}."
    for sign in _KEPT_SIGNS:
        if after[sign] != before[sign]:
            return f"The sign {sign!r} is lost."
    return None


def _addresses(read: str, repaired: str) -> str | None:
    before, after = (Counter(_ADDRESS.findall(text)) for text in (read, repaired))
    return "An address was changed or brought in." if after - before else None


def _numbers(read: str, repaired: str) -> str | None:
    """Numbers stay in order; misread letters may become digits, and blanks within may go."""
    before, after = (_found_numbers(text) for text in (read, repaired))
    at = 0
    for number in after:
        joined, first = "", at
        while at < len(before) and joined != number[0]:
            if at > first and not before[at][1]:
                break  # only blanks stood between what may be joined
            joined += before[at][0]
            at += 1
        if joined != number[0]:
            return "The numbers are not those that were read."
    return None if at == len(before) else "A number is lost."


def _found_numbers(text: str) -> list[tuple[str, bool]]:
    """Return numbers with their signs, each with whether blanks alone part it from the last."""
    text = MISREAD_NUMBER.sub(lambda match: match.group().translate(DIGIT_OF), text)
    found, end = [], -1
    for match in _NUMBER.finditer(text):
        number = match.group().replace("−", "-")
        found.append((number, end >= 0 and not text[end : match.start()].strip()))
        end = match.end()
    return found


def _names(read: str, repaired: str) -> str | None:
    """Names stay as they were read: words with a capital inside a sentence, and short initials."""
    if read.isupper():
        return None
    left = joined(words_of(repaired))
    for name in _NAME.findall(read):
        if fold(name) not in left:
            return f"The name {name[:60]!r} is lost."
    return None


def _words(read: str, repaired: str) -> str | None:
    """Go through both texts together, and look at each place where they differ."""
    before, after = words_of(read), words_of(repaired)
    pairs = SequenceMatcher(
        None, [word.folded for word in before], [word.folded for word in after], autojunk=False
    )
    changed = dropped = 0
    for kind, i, j, k, m in pairs.get_opcodes():
        if kind == "equal":
            continue
        reason = _difference(before[i:j], after[k:m])
        if reason is not None:
            return reason
        changed += j - i if k < m and joined(before[i:j]) != joined(after[k:m]) else 0
        dropped += j - i if k == m else 0
    if changed > max(1, MOST_CHANGED * len(before)):
        return f"{changed} of {len(before)} words were changed."
    if dropped > max(1, MOST_DROPPED * len(before)):
        return f"{dropped} of {len(before)} words were left out."
    return None


def _difference(before: Sequence[Word], after: Sequence[Word]) -> str | None:
    """Return what is wrong with words that were put in the place of others."""
    if not before:
        return f"It brings in {_shown(after)}."
    if not after:
        real = [word for word in before if not is_noise(word)]
        return f"It leaves out {_shown(real)}." if real else None
    old, new = joined(before), joined(after)
    if old == new:
        return None
    if weighty(before) != weighty(after):
        return f"It says another thing: {_shown(after)} for {_shown(before)}."
    if max(len(before), len(after)) <= LONGEST_DIFFERENCE and fit(before, after):
        return None
    return f"It puts {_shown(after)} for {_shown(before)}."


def _language(read: str, repaired: str) -> str | None:
    if len(read) < SHORTEST_FOR_LANGUAGE:
        return None
    before, after = detect_language(read), detect_language(repaired)
    if before and after and before != after:
        return f"Its language is {after!r} instead of {before!r}."
    return None


def _letters(text: str) -> int:
    return sum(c.isalnum() for c in text)


def _shown(words: Sequence[Word]) -> str:
    return repr(" ".join(word.written for word in words)[:60])
