"""Noise is told from answers by how much of a question is held, in words and in meaning."""

from __future__ import annotations

import pytest

from ragline.providers.contracts import Calibration, Match
from ragline.search.candidates import Candidates
from ragline.search.evidence import ENOUGH, is_noise
from ragline.search.ranking import Evidence, Similarities

CALIBRATION = Calibration(floor=0.0, ceiling=1.0, lexical_weight=0.5, cross_language_weight=0.1)
WORDS = 5
SAME, OTHER = Evidence("en", {"en"}), Evidence("es", {"en"})


def noise(
    *, score: float, near: float, evidence: Evidence = SAME, count: int = ENOUGH, words: int = WORDS
) -> bool:
    """Judge candidates of which the best has a BM25 score and a nearness, and others nothing."""
    documents = {f"c{number}": f"d{number}" for number in range(count)}
    cosines = dict.fromkeys(documents, 0.0) | {"c0": near}
    found = Candidates(documents, {"c0": score}, [Similarities(CALIBRATION, cosines)])
    ranked = [Match(chunk, document, 0.0) for chunk, document in documents.items()]
    return is_noise(found, ranked, words=words, evidence=evidence)


@pytest.mark.parametrize(
    ("score", "near", "expected"),
    [
        (30.0, 0.0, False),
        (4.0, 0.1, True),
        (4.0, 0.6, False),
        (0.0, 0.1, True),
        (0.0, 0.9, False),
    ],
    ids=["all words", "a few words", "both", "neither", "meaning"],
)
def test_words_and_meaning_count_alike(score: float, near: float, expected: bool) -> None:
    """Enough of either is an answer; little of both is noise."""
    assert expected == noise(score=score, near=near)


def test_words_say_nothing_across_languages() -> None:
    """Where languages differ, meaning alone decides, and less of it is enough."""
    assert noise(score=30.0, near=0.1, evidence=OTHER)
    assert not noise(score=0.0, near=0.3, evidence=OTHER)


def test_a_long_question_needs_more_words() -> None:
    """The same score is much of a short question, and little of a long one."""
    assert not noise(score=8.0, near=0.0, words=2)
    assert noise(score=8.0, near=0.0, words=20)


def test_small_collections_are_shown() -> None:
    """Where few passages are found, no word is rare, and nothing is called noise."""
    assert not noise(score=0.0, near=0.0, count=ENOUGH - 1)


def test_a_question_without_words_is_not_judged() -> None:
    """Signs alone tell nothing of what is looked for."""
    assert not noise(score=0.0, near=0.0, words=0)
