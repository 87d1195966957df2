"""The lexical half of hybrid search: passages and questions as sparse vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ragline.language.stopwords import STOP_WORDS
from ragline.language.terms import content_words, term_id, terms_of, words_of

K1 = 1.2
B = 0.75
# Terms of a typical chunk. A constant: an average that followed the corpus would make stored
# weights depend on the order of indexing.
AVERAGE_TERMS = 75


@dataclass(frozen=True, slots=True)
class LexicalVector:
    """Term ids (unsigned 32 bit, unique) and their weights, in the same order."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


def lexical_vector_of_passage(
    text: str, language: str | None, *, beside: str = ""
) -> LexicalVector:
    """Return the term-frequency part of BM25; the store multiplies by IDF.

    `language` is the passage's own (ISO 639-1); None leaves its words unstemmed. The words
    `beside` it, such as its authors, count as said once and do not make it longer.
    Source: Robertson & Zaragoza, The Probabilistic Relevance Framework (2009).
    """
    counts = Counter(terms_of(words_of(text), language))
    saturation = K1 * (1 - B + B * counts.total() / AVERAGE_TERMS)
    for term in terms_of(words_of(beside), language):
        counts.setdefault(term, 1)
    weights: dict[int, float] = {}
    for term, count in counts.items():
        number = term_id(term)
        weights[number] = weights.get(number, 0.0) + count * (K1 + 1) / (count + saturation)
    return _vector(weights)


def lexical_vector_of_query(
    text: str, language: str | None, passage_languages: Iterable[str | None] = ()
) -> LexicalVector:
    """Return weight 1 for every form under which a passage may hold a word of the question.

    A question is too short to be sure of its language, and a wrong stemmer costs up to a
    third of the quality. So its words are stemmed in each language that the passages have
    (`passage_languages`; none given means all that have stop words), in its own (`language`)
    and left as they are. Forms that no passage holds cost nothing, and a passage holds a
    word in one form only. Where `language` is known, its stop words go first.
    """
    words = content_words(words_of(text), language)
    languages = {*(set(passage_languages) or STOP_WORDS), language, None}
    forms = {term for each in languages for term in terms_of(words, each)}
    return _vector(dict.fromkeys(map(term_id, forms), 1.0))


def _vector(weights: dict[int, float]) -> LexicalVector:
    """Return the weights by rising term id, so that equal texts give equal vectors."""
    ordered = sorted(weights.items())
    return LexicalVector(tuple(i for i, _ in ordered), tuple(w for _, w in ordered))
