"""The best passages by their words, where a store only finds who holds a word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from ragline.language.lexical import K1
from ragline.providers.contracts import Match, TermCounts
from ragline.providers.vectorstores.weights import score

CHUNKS_AT_ONCE = 1_000
# No word weighs more in a passage, even where two words share a term.
HEAVIEST = 2 * (K1 + 1)


class Found(NamedTuple):
    """A passage that holds one of the words, with all of its words in packed form."""

    chunk_id: str
    document_id: str
    lexical: str


Find = Callable[[Sequence[int], Sequence[int]], Sequence[Found]]
"""Gives all passages that hold one of the first terms and none of the second."""


def best(
    weights: Mapping[int, float],
    counts: TermCounts,
    find: Find,
    *,
    limit: int,
    at_once: int = CHUNKS_AT_ONCE,
) -> list[Match]:
    """Return the passages with the highest scores, best first; equal ones by their ids.

    Rare words come first. Passages that hold none but the common ones left are not asked for
    once these words could not lift them among the best any more.
    """
    left = sorted(weights, key=lambda term: (counts.holding[term], term))
    seen: list[int] = []
    matches: list[Match] = []
    while left and not _is_settled(matches, limit, (weights[term] for term in left)):
        terms = _next_terms(left, counts, at_once)
        for found in find(terms, seen):
            value = score(weights, found.lexical)
            if value > 0:
                matches.append(Match(found.chunk_id, found.document_id, value))
        matches.sort(key=lambda match: (-match.score, match.chunk_id))
        del matches[limit:]
        seen += terms
        left = left[len(terms) :]
    return matches


def _next_terms(left: Sequence[int], counts: TermCounts, at_once: int) -> list[int]:
    """Return the next terms: one, and others as long as few passages hold them."""
    terms, expected = [left[0]], counts.holding[left[0]]
    for term in left[1:]:
        expected += counts.holding[term]
        if expected > at_once:
            break
        terms.append(term)
    return terms


def _is_settled(matches: Sequence[Match], limit: int, left: Iterable[float]) -> bool:
    """Tell whether no other passage can come among the best."""
    return len(matches) == limit and matches[-1].score > HEAVIEST * sum(left)
