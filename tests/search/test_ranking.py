"""The ways of searching make one ranking."""

from __future__ import annotations

import math
import random

import pytest

from ragline.providers.contracts import Calibration, Match
from ragline.search.ranking import (
    Evidence,
    Similarities,
    best_per_document,
    fuse,
    meanings,
    nearness,
)

OWN = Calibration(floor=0.2, lexical_weight=0.5, cross_language_weight=0.1)
BETTER = Calibration(floor=0.7, ceiling=0.9, lexical_weight=0.2, cross_language_weight=0.0)
SAME = Evidence("en", {"en"})
OTHER = Evidence("fr", {"en"})


def scores(
    lexical: dict[str, float],
    own: dict[str, float],
    better: dict[str, float] | None = None,
    *,
    evidence: Evidence = SAME,
    calibration: Calibration = BETTER,
) -> dict[str, float]:
    """Return the fused scores of chunks that are their own documents, best first."""
    models = [Similarities(OWN, own)]
    if better is not None:
        models.append(Similarities(calibration, better))
    documents = {key: key for key in (*lexical, *own)}
    fused = fuse(documents, lexical, models, evidence=evidence)
    return {match.chunk_id: round(match.score, 6) for match in fused}


def test_scores_are_a_convex_combination() -> None:
    """Half the share of the best lexical score, half the cosine above the floor."""
    expected = {"a": 1.0, "b": 0.5}

    assert expected == scores({"a": 10.0, "b": 5.0}, {"a": 1.0, "b": 0.6})


def test_a_candidate_of_meaning_only_has_no_lexical_score() -> None:
    """Found by its vector alone, it keeps what the vector gives."""
    assert scores({"b": 3.0}, {"a": 1.0, "b": 0.2}) == {"a": 0.5, "b": 0.5}


def test_an_unknown_cosine_counts_as_unrelated() -> None:
    """A chunk whose vector the store no longer holds keeps what its words give."""
    assert scores({"a": 4.0, "b": 2.0}, {"b": 1.0}) == {"b": 0.75, "a": 0.5}


def test_another_language_trusts_meaning() -> None:
    """Where passages are in another language, words weigh little."""
    expected = {"a": 0.9, "b": 0.1}

    assert expected == scores({"b": 3.0}, {"a": 1.0, "b": 0.2}, evidence=OTHER)


@pytest.mark.parametrize(
    ("evidence", "may_share"),
    [
        (SAME, True),
        (OTHER, False),
        (Evidence(None, {"en"}), True),
        (Evidence("fr", {None}), True),
        (Evidence("fr", {"en", "fr"}), True),
    ],
)
def test_only_a_known_difference_of_languages_counts(evidence: Evidence, may_share: bool) -> None:
    """Where either language is not sure, words keep their weight."""
    assert may_share == evidence.may_share


def test_others_may_hold_the_best_words() -> None:
    """Beside another project's passages a lexical score is a share of the best of all."""
    evidence = Evidence("en", {"en"}, best_lexical=8.0)

    assert scores({"a": 4.0}, {"a": 0.2}, evidence=evidence) == {"a": 0.25}


def test_a_better_model_decides_with_its_own_weights() -> None:
    """Where it knows all candidates, words count as its calibration says."""
    found = scores({"a": 2.0, "b": 1.0}, {"a": 0.2, "b": 0.2}, {"a": 0.7, "b": 0.9})

    assert found == {"b": round(0.2 * 0.5 + 0.8 * 0.75, 6), "a": 0.2}


def test_a_model_is_not_asked_in_a_language_it_does_not_know() -> None:
    """A French question to an English model is ranked by the project's own."""
    english = Calibration(0.0, 0.3, 0.3, languages=frozenset({"en"}))
    own, better = {"a": 1.0, "b": 0.2}, {"a": 0.0, "b": 1.0}

    alone = scores({}, own, evidence=OTHER)

    assert alone == scores({}, own, better, evidence=OTHER, calibration=english)


def test_a_few_better_vectors_are_read_on_the_common_scale() -> None:
    """Too few to compare the models: nearness means the same for both."""
    found = scores({}, {"a": 0.6, "b": 0.6}, {"a": 0.8}, evidence=Evidence())

    assert found["a"] == pytest.approx(found["b"], abs=0.2)


def test_a_half_upgraded_project_prefers_neither_half() -> None:
    """Equal chunks stand side by side, although the models' cosines differ."""
    own = {f"{half}{n}": 0.3 + 0.02 * n for n in range(20) for half in "ab"}
    better = {f"b{n}": 0.75 + 0.005 * n for n in range(20)}

    near = meanings(own, [Similarities(OWN, own), Similarities(BETTER, better)], language=None)

    assert [near[f"b{n}"] for n in range(20)] == pytest.approx([near[f"a{n}"] for n in range(20)])


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_upgrading_takes_the_best_of_both_models_on_average(share: float) -> None:
    """Some chunks upgraded: relevant ones stand higher than before, lower than when all are."""
    chance = random.Random(7)

    def rank(upgraded: float) -> float:
        total = 0.0
        for _ in range(150):
            relevant = chance.randrange(60)
            own = {str(n): chance.gauss(0.3 + 0.15 * (n == relevant), 0.1) for n in range(60)}
            full = {str(n): chance.gauss(0.75 + 0.1 * (n == relevant), 0.03) for n in range(60)}
            known = {key: value for key, value in full.items() if chance.random() < upgraded}
            order = list(scores({}, own, known))
            total += 1 / math.log2(order.index(str(relevant)) + 2)
        return total / 150

    assert rank(0.0) < rank(share) < rank(1.0)


def test_a_score_means_the_same_for_every_embedder() -> None:
    """Cosines at equal places of two models' scales give equal scores, so a threshold is kept."""
    assert nearness(0.6, OWN) == pytest.approx(nearness(0.8, BETTER))


def test_nothing_found_is_an_empty_ranking() -> None:
    """No candidates, no division by zero."""
    assert scores({}, {}) == {}
    assert scores({}, {}, {}) == {}


def test_equal_cosines_do_not_divide_by_zero() -> None:
    """Models that tell no chunk from another leave all with one score."""
    own = {str(n): 0.5 for n in range(20)}

    found = scores({}, own, {str(n): 0.8 for n in range(10)})

    assert len(set(found.values())) == 1


def test_ties_are_ordered_by_id() -> None:
    """The order is the same on every run."""
    assert list(scores({}, {"b": 0.5, "a": 0.5})) == ["a", "b"]


def test_scores_stay_between_zero_and_one() -> None:
    """Whatever cosines and words say, and however far a missing vector is stretched."""
    own = {str(n): -1.0 + n / 10 for n in range(21)}
    better = {str(n): 0.9 if n % 2 else 0.0 for n in range(12)}

    found = scores({"20": 5.0}, own, better).values()

    assert min(found) >= 0.0
    assert max(found) <= 1.0


@pytest.mark.parametrize(("cosine", "expected"), [(-1.0, 0.0), (0.2, 0.0), (0.6, 0.5), (1.1, 1.0)])
def test_nearness_is_between_zero_and_one(cosine: float, expected: float) -> None:
    """The floor is 0, the ceiling is 1, and nothing lies outside."""
    assert expected == pytest.approx(nearness(cosine, OWN))


def test_a_document_ranks_where_its_best_chunk_does() -> None:
    """Later chunks of a document are left out."""
    matches = [Match("1", "x", 0.9), Match("2", "y", 0.8), Match("3", "x", 0.7)]

    assert matches[:2] == best_per_document(matches)
