"""Queries that a model wrote, or that rules make of a question and what was said before it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragline.language.detect import detect_language
from ragline.language.terms import content_words, fold, terms_of, words_of
from ragline.providers.contracts import Turn
from ragline.providers.llms.thoughts import Thoughts

LONGEST_QUERY = 500
# A question with fewer content words than this hardly names what it is about.
FEW_WORDS = 3
MOST_ADDED = 8

_BULLET = re.compile(r"^\s*(?:[-*•]|\(?\d{1,2}[.):])\s+|^\s*(?:query|question)\s*\d*\s*:\s*", re.I)
_QUOTED = re.compile(r"""^[\s"'“”«»`*]+|[\s"'“”«»`*]+$""")
_WORD = re.compile(r"\w")
# Words that stand for what was said before, but hardly ever for nothing at all.
_LEANING = {
    language: frozenset(words.split())
    for language, words in {
        "en": "it its he him his she her hers they them their theirs this these those",
        "fr": "il elle ils elles lui leur leurs cela ça celui celle ceux celles son sa ses",
        "de": "er sie ihn ihm ihr ihre ihren ihrer diese dieser dieses diesen seine seinen davon",
        "es": "él ella ellos ellas su sus esto eso este esta estos estas",
        "it": "esso essa essi esse suo sua suoi sue questo questa questi queste",
    }.items()
}
_WORDS = re.compile(r"[\w'’-]+")
# Beginnings that go on from what was said before.
_GOES_ON = re.compile(
    r"^\W*(?:and|but|or|so|what about|how about|why|et|mais|ou|alors|qu['’]en est-il|pourquoi"
    r"|und|aber|oder|warum|y|pero|e|ma)\b",
    re.IGNORECASE,
)


def queries_of(words: str, question: str, *, most: int) -> tuple[str, ...]:
    """Return up to so many queries, one from each line; the question where there is none."""
    thoughts = Thoughts()
    text = thoughts.feed(words.replace("\0", "")) + thoughts.end()
    found: dict[str, str] = {}
    for line in text.splitlines():
        query = _QUOTED.sub("", _BULLET.sub("", line))[:LONGEST_QUERY].strip()
        # A line that ends like this announces the queries.
        if _WORD.search(query) and not query.endswith(":"):
            found.setdefault(fold(query.lower()), query)
    return tuple(found.values())[:most] or (question,)


def standing_alone(question: str, history: Sequence[Turn]) -> str:
    """Return a question with the content words of the last ones added where it leans on them.

    The last one may lean on those before it in the same way.
    """
    alone = ""
    for said in [*(turn.text for turn in history if turn.role == "user"), question]:
        alone = _completed(said, alone)
    return alone


def _completed(question: str, before: str) -> str:
    """Return a question with the content words of the one before it, if it needs them."""
    language = detect_language(question)
    words = words_of(question)
    content = content_words(words, language or "en")
    leaning = _LEANING.get(language or "en", frozenset())
    written = (word.lower() for word in re.findall(r"\w+", question))
    leans = _GOES_ON.match(question) or any(word in leaning for word in written)
    if not leans and len(content) >= FEW_WORDS:
        return question
    known = {*terms_of(words, language), *content}
    return " ".join([question.strip(), *_missing(before, known)[:MOST_ADDED]])


def _missing(text: str, known: set[str]) -> list[str]:
    """Return a text's content words as they are written there, without those known."""
    language = detect_language(text)
    kept = []
    for word in _WORDS.findall(text):
        folded = content_words(words_of(word), language or "en")
        terms = terms_of(folded, language)
        if not folded or known.intersection([*folded, *terms]):
            continue
        known.update(folded, terms)
        kept.append(word)
    return kept


def in_other_words(query: str) -> list[str]:
    """Return the query's content words alone, and their stems, where these differ from it."""
    language = detect_language(query) or "en"
    bare = content_words(words_of(query), language)
    variants = [" ".join(bare), " ".join(terms_of(bare, language))]
    return [each for each in dict.fromkeys(variants) if each and each != query]
