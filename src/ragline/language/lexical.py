"""The lexical half of hybrid search: passages and questions as sparse vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ragline.language.stopwords import STOP_WORDS
from ragline.language.terms import content_words, pair_ids, term_id, terms_of, words_of

K1 = 1.2
B = 0.75
# Terms of a typical chunk. A constant: an average that followed the corpus would make stored
# weights depend on the order of indexing.
AVERAGE_TERMS = 75
# Two words that stand next to each other in question and passage count this much beside the
# words themselves. Everything from .1 to .3 was better than nothing on four of five collections.
PAIR_WEIGHT = 0.2
FORM = 2
"""Raised whenever the same text gets another vector; passages of form 1 have no pairs."""


@dataclass(frozen=True, slots=True)
class LexicalVector:
    """Term ids (unsigned 32 bit, unique) and their weights, in the same order."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


def lexical_vector_of_passage(
    text: str, language: str | None, *, beside: str = ""
) -> LexicalVector:
    """Return the term-frequency part of BM25 for words and pairs; the store multiplies by IDF.

    `language` is the passage's own (ISO 639-1); None leaves its words unstemmed. The words
    `beside` it, such as its authors, count as said once and do not make it longer. A pair is
    two neighbours among the words that are no stop words.
    Source: Robertson & Zaragoza, The Probabilistic Relevance Framework (2009).
    """
    terms = terms_of(words_of(text), language)
    counts = Counter(map(term_id, terms))
    saturation = K1 * (1 - B + B * counts.total() / AVERAGE_TERMS)
    for number in map(term_id, terms_of(words_of(beside), language)):
        counts.setdefault(number, 1)
    counts.update(pair_ids(terms))
    return _vector(
        {number: count * (K1 + 1) / (count + saturation) for number, count in counts.items()}
    )


def lexical_vector_of_query(
    text: str, language: str | None, passage_languages: Iterable[str | None] = ()
) -> LexicalVector:
    """Return weight 1 for every form under which a passage may hold a word of the question.

    Its pairs of neighbouring words weigh less, so that an exact phrase comes first among
    passages that hold the same words.

    A question is too short to be sure of its language, and a wrong stemmer costs up to a
    third of the quality. So its words are stemmed in each language that the passages have
    (`passage_languages`; none given means all that have stop words), in its own (`language`)
    and left as they are. Forms that no passage holds cost nothing, and a passage holds a
    word in one form only. Where `language` is known, its stop words go first.
    """
    words = content_words(words_of(text), language)
    languages = {*(set(passage_languages) or STOP_WORDS), language, None}
    forms = [terms_of(words, each) for each in languages]
    weights = {number: PAIR_WEIGHT for terms in forms for number in pair_ids(terms)}
    weights |= {term_id(term): 1.0 for terms in forms for term in terms}
    return _vector(weights)


def _vector(weights: dict[int, float]) -> LexicalVector:
    """Return the weights by rising term id, so that equal texts give equal vectors."""
    ordered = sorted(weights.items())
    return LexicalVector(tuple(i for i, _ in ordered), tuple(w for _, w in ordered))
