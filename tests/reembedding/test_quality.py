"""The check of a new index, by what was found in both."""

from __future__ import annotations

import pytest

from ragline.reembedding.quality import Answers, Question, Thresholds, judge, ndcg, thresholds


def answers(before: str, after: str, right: str = "") -> Answers:
    """Return what was found, a letter for each result."""
    return Answers(Question("?", frozenset(right)), list(before), list(after))


def test_overlap_is_the_share_of_equal_results() -> None:
    """The order does not count, and the longer list decides."""

    verdict = judge([answers("abcd", "dcxy"), answers("ab", "ba")], "recent", Thresholds(0.5))

    assert 0.75 == verdict.overlap
    assert verdict.passed


def test_too_little_overlap_is_refused_with_the_numbers() -> None:
    """The reason says how many results are the same, and how many were asked for."""

    verdict = judge([answers("abcd", "wxyz")], "recent", Thresholds(0.3))

    assert not verdict.passed
    assert ("Of the first 10 results 0% are the same, less than the 30% asked for.",) == (
        verdict.reasons
    )


def test_without_a_question_there_is_no_objection() -> None:
    """An empty project moves as it is."""

    assert judge([], "passages", Thresholds(0.9, found_less=0.1)).passed


def test_questions_from_passages_must_find_them() -> None:
    """An index that finds as much, but not the passages the questions are from, is refused."""

    found = [answers("ab", "bc", "a")] * 10

    verdict = judge(found, "passages", Thresholds(0.3, found_less=0.1))

    assert (1.0, 0.0) == (verdict.before, verdict.after)
    assert not verdict.passed


def test_known_answers_count_more_than_overlap() -> None:
    """Another model may find other things, as long as it finds what is right."""

    verdict = judge(
        [answers("xa", "ay", "a")],
        "eval",
        thresholds("eval", same_model=False, overlap=None, is_asked=False),
    )

    assert verdict.passed
    assert verdict.before is not None
    assert verdict.after is not None
    assert verdict.before < verdict.after


def test_worse_known_answers_are_refused() -> None:
    """A fall of nDCG beyond the tolerance is a reason."""

    verdict = judge(
        [answers("a", "xxa", "a")],
        "eval",
        thresholds("eval", same_model=True, overlap=None, is_asked=False),
    )

    assert not verdict.passed
    assert verdict.reasons[0].startswith("nDCG@10 falls from 1.000 to 0.500")


@pytest.mark.parametrize(("same_model", "least"), [(True, 0.9), (False, 0.3)])
def test_usual_overlap_depends_on_the_model(same_model: bool, least: float) -> None:
    """The same vectors elsewhere are held to more than another model."""

    wanted = thresholds("recent", same_model=same_model, overlap=None, is_asked=False)

    assert least == wanted.overlap


def test_ndcg_of_a_perfect_ranking_is_one() -> None:
    """All that is right stands first."""

    assert 1.0 == ndcg(["a", "b", "x"], {"a", "b"})
