"""Measures by question, their files, and whether a difference may be chance."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ragline.cli.eval_measures import (
    Measured,
    compared,
    means,
    measured,
    read_rows,
    write_rows,
)
from ragline.errors import InvalidInput

RELEVANCES = {"a": {"1": 2, "2": 1}, "b": {"3": 1}, "c": {"4": 1}}


def rows(values: list[float], collection: str = "set") -> list[Measured]:
    return [Measured(collection, str(n), value, 0, 0, 0) for n, value in enumerate(values)]


def test_each_question_is_measured() -> None:
    """Values are those of the published measures; what was not found counts as nothing."""
    run = {"a": {"2": 0.9, "1": 0.5, "9": 0.1}, "b": {"1": 0.9, "3": 0.5}, "c": {}}

    found = {row.query_id: row for row in measured("set", RELEVANCES, run, "abc")}

    assert found["a"].ndcg_at_10 == pytest.approx((1 + 2 / 1.5849625) / (2 + 1 / 1.5849625))
    assert (1.0, 1.0, ("2", "1", "9")) == (
        found["a"].recall_at_10,
        found["a"].mrr,
        found["a"].found,
    )
    assert 0.5 == found["b"].mrr
    assert (0.0, 0.0, ()) == (found["c"].ndcg_at_10, found["c"].recall_at_100, found["c"].found)


def test_nothing_found_at_all_is_nothing() -> None:
    """A run without a single document has zeros, not errors."""
    assert {0.0} == set(means(measured("set", RELEVANCES, {}, "ab")).values())


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_rows_are_read_as_they_were_written(tmp_path: Path, name: str) -> None:
    """Both kinds of file give the figures back."""
    written = [Measured("set, one", "q\n1", 0.1, 0.2, 0.3, 1 / 3, ("x", "y"))]
    write_rows(tmp_path / name, written)

    [read] = read_rows(tmp_path / name)

    assert ("set, one", "q\n1", 1 / 3) == (read.collection, read.query_id, read.mrr)
    assert compared(written, [read])[0].p == 1.0


@pytest.mark.parametrize("content", ["{}", "no json", "a,b\n1,2\n", '{"collection": 1}'])
def test_another_file_is_told(tmp_path: Path, content: str) -> None:
    """What `--output` did not write is refused with what is expected."""
    (tmp_path / "odd.jsonl").write_text(content)

    with pytest.raises(InvalidInput, match="--output"):
        read_rows(tmp_path / "odd.jsonl")


def test_a_difference_everywhere_is_no_chance() -> None:
    """Where nearly all questions got better, chance is ruled out."""
    random.seed(1)
    before = [random.random() * 0.8 for _ in range(60)]

    [change] = compared(rows(before), rows([value + 0.1 for value in before]))

    assert (60, 0) == (change.better, change.worse)
    assert change.now - change.before == pytest.approx(0.1)
    assert change.p < 0.001


def test_a_difference_of_one_question_may_be_chance() -> None:
    """One better question among many says nothing, nor does as much up as down."""
    before = [0.5] * 40
    one = [0.9, *before[1:]]
    both = [0.9, 0.1, *before[2:]]

    assert compared(rows(before), rows(one))[0].p > 0.05
    assert compared(rows(before), rows(both))[0].p > 0.05


def test_the_test_gives_the_same_answer_again() -> None:
    """Chance is drawn from one seed."""
    before, now = [0.1, 0.4, 0.5, 0.2] * 9, [0.2, 0.3, 0.7, 0.2] * 9

    assert compared(rows(before), rows(now)) == compared(rows(before), rows(now))


def test_only_common_questions_are_compared() -> None:
    """Each collection has a comparison; questions of one run alone do not count."""
    before = rows([0.1, 0.2]) + rows([0.5], "other")
    now = rows([0.3]) + rows([0.5], "third")

    [change] = compared(before, now)

    assert ("set", 1, 0.1, 0.3) == (change.collection, change.questions, change.before, change.now)


def test_nothing_in_common_is_told() -> None:
    """Runs over different questions cannot be compared."""
    with pytest.raises(InvalidInput, match="no question in common"):
        compared(rows([0.1]), rows([0.1], "other"))
