"""The best passages are found without looking at all that hold a common word."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ragline.language.lexical import LexicalVector
from ragline.providers.contracts import TermCounts
from ragline.providers.vectorstores.lexical_scan import Found, best
from ragline.providers.vectorstores.weights import packed, score, weighed


class Passages:
    """Passages of random words, and how many were looked at."""

    def __init__(self, dice: random.Random, count: int, shares: Sequence[float]) -> None:
        self.texts: dict[str, dict[int, float]] = {}
        self.seen = 0
        for number in range(count):
            words = {t: dice.uniform(0.3, 2.2) for t, s in enumerate(shares) if dice.random() < s}
            self.texts[f"{number:05d}"] = words
        holding = {
            term: sum(term in words for words in self.texts.values()) for term in range(len(shares))
        }
        self.counts = TermCounts(count, holding)

    def find(self, terms: Sequence[int], without: Sequence[int]) -> list[Found]:
        found = [
            Found(key, "document", packed(LexicalVector(tuple(words), tuple(words.values()))))
            for key, words in self.texts.items()
            if words.keys() & set(terms) and not words.keys() & set(without)
        ]
        self.seen += len(found)
        return found

    def best_by_looking_at_all(self, weights: dict[int, float], limit: int) -> list[float]:
        scores = (
            score(weights, packed(LexicalVector(tuple(words), tuple(words.values()))))
            for words in self.texts.values()
        )
        return sorted((each for each in scores if each > 0), reverse=True)[:limit]


def test_none_of_the_best_is_missed() -> None:
    """In rounds of any size the scores are those of looking at all passages."""
    for seed in range(30):
        dice = random.Random(seed)  # the same passages each time
        shares = [dice.choice([0.01, 0.05, 0.3, 0.8]) for _ in range(8)]
        passages = Passages(dice, 300, shares)
        asked = LexicalVector(tuple(range(8)), (1.0,) * 8)
        weights = weighed(asked, passages.counts)

        for at_once in (1, 40, 10_000):
            found = best(weights, passages.counts, passages.find, limit=10, at_once=at_once)

            assert passages.best_by_looking_at_all(weights, 10) == [each.score for each in found]


def test_common_words_are_not_looked_up_where_rare_ones_decide() -> None:
    """A question with rare words does not read the passages that hold only its common ones."""
    passages = Passages(random.Random(3), 2_000, [0.01] * 12 + [0.97])  # as above
    weights = weighed(LexicalVector(tuple(range(13)), (1.0,) * 13), passages.counts)

    best(weights, passages.counts, passages.find, limit=5, at_once=400)

    assert passages.seen < 400
