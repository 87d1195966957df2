"""How well the sentences of passages support a text: pure, shared by the adapters."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ragline.language.detect import detect_language
from ragline.language.terms import content_words, terms_of, words_of
from ragline.providers.contracts import Passage
from ragline.providers.llms.passage_sentences import sentence_spans

# A name or number says more about what a text is about than any other word.
NAME_WEIGHT = 2.5
# A word that no sentence holds may be rare, but as well one that only asks ("how long").
# Names that are missing count in full: they show that something else is meant.
ABSENT_WEIGHT = 0.5

_NAME = re.compile(r"(?<=\s)[^\W\d_\s]?['’]?([^\W_a-zà-ÿ][\w'’-]*)|(\d\w*)")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage: the passage's index, its place among its sentences, its span."""

    passage: int
    ordinal: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Support:
    """What the sentences hold of a text's words; `share` of nothing sought is 0."""

    weights: dict[str, float]
    held: tuple[frozenset[str], ...]
    held_by_passage: tuple[frozenset[str], ...]

    def share(self, words: Iterable[str]) -> float:
        """Return the weight of these words as a part (0–1) of all that are sought.

        Sets have another order in each process, so the sum must not depend on the order.
        """
        total = math.fsum(self.weights.values())
        return math.fsum(self.weights[word] for word in words) / total if total else 0.0


class Evidence:
    """Passages cut into sentences, whose terms are known."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = passages
        self.languages = [detect_language(passage.text) for passage in passages]
        self.sentences = [
            Sentence(index, ordinal, start, end)
            for index, passage in enumerate(passages)
            for ordinal, (start, end) in enumerate(sentence_spans(passage.text))
        ]
        self._terms = [self._terms_of(each.passage, self.text(each)) for each in self.sentences]
        self._titles = [self._terms_of(i, passage.title) for i, passage in enumerate(passages)]

    def text(self, sentence: Sentence) -> str:
        """Return a sentence word for word."""
        return self.passages[sentence.passage].text[sentence.start : sentence.end]

    def support(self, text: str) -> Support:
        """Weigh a text's words by their rarity here, and find the sentences that hold them."""
        words = self._sought(text)
        forms = {
            language: {word: terms_of([word], language) for word in words}
            for language in set(self.languages)
        }

        def holding(passage: int, terms: frozenset[str]) -> frozenset[str]:
            known = forms[self.languages[passage]]
            return frozenset(word for word in words if terms.intersection(known[word]))

        held = [
            holding(each.passage, terms)
            for each, terms in zip(self.sentences, self._terms, strict=True)
        ]
        in_passage = [set(holding(index, terms)) for index, terms in enumerate(self._titles)]
        for each, found in zip(self.sentences, held, strict=True):
            in_passage[each.passage] |= found
        return Support(
            _weights(words, _names(text), held), tuple(held), tuple(map(frozenset, in_passage))
        )

    def best_sentence(self, passage: int, *texts: str) -> Sentence | None:
        """Return the sentence of a passage that supports the first text best.

        Of equal ones, as where a text is in another language, the next text decides, then
        the order; None where the passage has no sentence.
        """
        supports = [self.support(text) for text in texts]
        own = [
            ([support.share(support.held[index]) for support in supports], each)
            for index, each in enumerate(self.sentences)
            if each.passage == passage
        ]
        return max(own, key=lambda pair: pair[0])[1] if own else None

    def _terms_of(self, passage: int, text: str) -> frozenset[str]:
        return frozenset(terms_of(words_of(text), self.languages[passage]))

    def _sought(self, text: str) -> list[str]:
        """Return a text's content words, each once.

        A text too short for its language to be known loses the stop words of every
        language that the passages have.
        """
        language = detect_language(text)
        words = words_of(text)
        for each in {language} if language else {*self.languages, "en"}:
            words = content_words(words, each)
        by_stem = {stem: word for word in words for stem in terms_of([word], language)}
        return sorted(set(by_stem.values()))


def _weights(
    words: Iterable[str], names: frozenset[str], held: Sequence[frozenset[str]]
) -> dict[str, float]:
    """Return words with their inverse sentence frequency, raised for names."""
    frequency = Counter(word for found in held for word in found)
    weights = {}
    for word in words:
        rarity = math.log(1 + (len(held) + 1) / (frequency[word] + 0.5))
        factor = NAME_WEIGHT if word in names else 1.0 if frequency[word] else ABSENT_WEIGHT
        weights[word] = rarity * factor
    return weights


def _names(text: str) -> frozenset[str]:
    """Return the folded words that are numbers or begin with a capital inside the text."""
    return frozenset(
        word for found in _NAME.finditer(text) for word in words_of(found[1] or found[2] or "")
    )
