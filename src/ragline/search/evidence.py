"""Whether anything that was found answers the question at all; pure."""

from __future__ import annotations

from collections.abc import Sequence

from ragline.providers.contracts import Match
from ragline.search.candidates import Candidates
from ragline.search.ranking import Evidence, meanings

ENOUGH = 100
"""Fewer candidates are a small collection, in which no word is rare: all of them are shown."""
TOP = 10
# The BM25 score of a passage for each word of a question that it holds, if the word is rare.
FULL_WORD = 6.6
# Of the right answers of four collections these keep 99 %; docs/search.md has the figures.
LEAST = 0.24
LEAST_ACROSS = 0.2


def is_noise(found: Candidates, ranked: Sequence[Match], *, words: int, evidence: Evidence) -> bool:
    """Tell whether none of the best passages is near the question, or holds enough of it.

    A rank score cannot tell: the passage with the most of the question's words has the whole
    share of words, however few these are. So here words count by their BM25 score for each of
    the question's `words`, as much as meaning does; for meaning alone, where question and
    passages have no language in common.
    """
    if len(found.documents) < ENOUGH or not words:
        return False
    best = ranked[:TOP]
    ids = [match.chunk_id for match in best]
    near = meanings(ids, found.models, language=evidence.language)
    if not evidence.may_share:
        return max(near[match.chunk_id] for match in best) < LEAST_ACROSS
    return all(
        (_held(found.lexical.get(match.chunk_id, 0.0), words) + near[match.chunk_id]) / 2 < LEAST
        for match in best
    )


def _held(score: float, words: int) -> float:
    """Return how much of a question a passage holds, 0 to 1, by its BM25 score."""
    return min(1.0, score / (FULL_WORD * words))
