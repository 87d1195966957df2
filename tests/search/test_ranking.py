"""Two ways of searching make one ranking."""

from __future__ import annotations

import pytest

from ragline.providers.contracts import Calibration, Match
from ragline.search.ranking import best_per_document, fuse, nearness

CALIBRATION = Calibration(floor=0.2, lexical_weight=0.5, cross_language_weight=0.1)


def scores(
    dense: dict[str, float],
    lexical: dict[str, float],
    similarities: dict[str, float] | None = None,
    *,
    same_language: bool = True,
) -> dict[str, float]:
    """Return the fused scores of chunks that are their own documents, best first."""
    fused = fuse(
        [Match(key, key, score) for key, score in dense.items()],
        [Match(key, key, score) for key, score in lexical.items()],
        similarities or {},
        CALIBRATION,
        same_language=same_language,
    )
    return {match.chunk_id: round(match.score, 6) for match in fused}


def test_scores_are_a_convex_combination() -> None:
    """Half the share of the best lexical score, half the cosine above the floor."""
    assert scores({"a": 1.0, "b": 0.6}, {"a": 10.0, "b": 5.0}) == {"a": 1.0, "b": 0.5}


def test_a_candidate_of_meaning_only_has_no_lexical_score() -> None:
    """Found by its vector alone, it keeps what the vector gives."""
    assert scores({"a": 1.0}, {"b": 3.0}, {"b": 0.2}) == {"a": 0.5, "b": 0.5}


def test_a_candidate_of_words_only_has_its_own_cosine() -> None:
    """The cosine that the store looked up counts; an unknown one counts as unrelated."""
    assert scores({}, {"a": 4.0, "b": 2.0}, {"b": 1.0}) == {"b": 0.75, "a": 0.5}


def test_another_language_trusts_meaning() -> None:
    """Where passages are in another language, words weigh little."""
    assert scores({"a": 1.0}, {"b": 3.0}, {"b": 0.2}, same_language=False) == {"a": 0.9, "b": 0.1}


def test_nothing_found_is_an_empty_ranking() -> None:
    """No candidates, no division by zero."""
    assert scores({}, {}) == {}


def test_ties_are_ordered_by_id() -> None:
    """The order is the same on every run."""
    assert list(scores({"b": 0.5, "a": 0.5}, {})) == ["a", "b"]


@pytest.mark.parametrize(("cosine", "expected"), [(-1.0, 0.0), (0.2, 0.0), (0.6, 0.5), (1.1, 1.0)])
def test_nearness_is_between_zero_and_one(cosine: float, expected: float) -> None:
    """The floor is 0, equality 1, and nothing lies outside."""
    assert expected == pytest.approx(nearness(cosine, CALIBRATION))


def test_a_document_ranks_where_its_best_chunk_does() -> None:
    """Later chunks of a document are left out."""
    matches = [Match("1", "x", 0.9), Match("2", "y", 0.8), Match("3", "x", 0.7)]

    assert matches[:2] == best_per_document(matches)
