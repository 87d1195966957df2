"""Whether two questions with near vectors ask for the same; pure.

A cosine does not see what decides an answer: "200 kg" and "250 kg", "more" and "less", "from
Paris to London" and "from London to Paris" are nearer to each other than most rewordings. So
the words have the last say: all that weigh must be the same, in the same order. What may differ
are case, accents, punctuation, inflection, articles and polite phrases.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from ragline.language.detect import detect_language
from ragline.language.terms import STEMMERS, fold, stem

_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|„([^“”]+)[“”]|«\s*([^»]+?)\s*»|‘([^’]+)’")
_POLITE = re.compile(
    r"\b(?:please|could you|can you|would you|tell me|do you know|i (?:want|would like) to know|"
    r"s[’']il (?:vous|te) plaît|s[’']il (?:vous|te) plait|svp|"
    r"(?:peux-tu|pouvez-vous|pourriez-vous)(?: me dire)?|dis-moi|dites-moi|"
    r"est-ce qu(?:e\b|[’']))",
    re.IGNORECASE,
)
_NOT = re.compile(r"n[’']t\b", re.IGNORECASE)
_CANNOT = re.compile(r"\bcannot\b", re.IGNORECASE)
_CLITIC = re.compile(r"(?<=\w)[’'](?:s|re|m)\b", re.IGNORECASE)
_NUMBER = r"(?:(?<![\w.,])[+\-−])?\d+(?:[.,:/]\d+)*"
_PART = re.compile(rf"{_NUMBER}|[^\W\d_]+|[^\w\s]")
# Marks that only structure a sentence; others, as in C++, 5 % or < 3, are part of what is asked.
_STRUCTURE = frozenset(".,;:!?¿¡…()[]{}\"'’‘“”„«»-–—`´")
_ENDS = frozenset(".!?¿¡…")
_LIGHT = {
    language: frozenset(words.split())
    for language, words in {
        "en": "a an the this that these those is are am be do does of",
        "fr": "le la les l un une des du de d ce cet cette ces est sont que qu t",
    }.items()
}
_BEFORE_NOT = {"ca": "can", "wo": "will", "sha": "shall"}
"""What is left of can't, won't and shan't."""


def same_demand(one: str, other: str) -> bool:
    """Tell whether two questions differ in nothing that could change their answer."""
    language = detect_language(one)
    if detect_language(other) != language:
        return False
    return weighty(one, language) == weighty(other, language)


def weighty(question: str, language: str | None) -> list[str]:
    """Return what weighs in a question, in order: words as stems, numbers, signs and quotes.

    Only in languages whose light words are known are any left out.
    """
    text = unicodedata.normalize("NFKC", question)
    quotes = ["".join(found).strip() for found in _QUOTED.findall(text)]
    text = _POLITE.sub(" ", text) if language in _LIGHT else text
    if language == "en":
        text = _CLITIC.sub(" ", _CANNOT.sub("can not", _NOT.sub(" not", text)))
    return [*_weights(text, language), *quotes]


def _weights(text: str, language: str | None) -> Iterator[str]:
    light = _LIGHT.get(language or "", frozenset())
    begins = True
    for part in _PART.findall(text):
        if part in _STRUCTURE:
            begins = begins or part in _ENDS
            continue
        if part[0].isalpha():
            is_name = _is_marked(part) or (part[0].isupper() and not begins)
            if is_name or part.lower() not in light:
                yield _word(part, language)
        else:
            yield part.replace(",", ".").replace("−", "-")
        begins = False


def _is_marked(word: str) -> bool:
    """Tell abbreviations and names with capitals inside: IT is not it."""
    return any(letter.isupper() for letter in word[1:])


def _word(word: str, language: str | None) -> str:
    if _is_marked(word):
        return word
    folded = fold(word.lower())
    if language == "en":
        folded = _BEFORE_NOT.get(folded, folded)
    return stem(folded, language) if language in STEMMERS else folded
