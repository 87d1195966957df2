"""Metadata as tokens mean what filters mean."""

from __future__ import annotations

import math
import operator

from hypothesis import given
from hypothesis import strategies as some

from ragline.providers.contracts import Comparison, Compound
from ragline.providers.vectorstores.tokens import EVERY, condition_of, holds, tokens_of

NUMBERS = some.one_of(
    some.integers(-(10**20), 10**20), some.floats(allow_nan=False, allow_infinity=False)
)
SIGNS = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


@given(held=NUMBERS, bound=NUMBERS, sign=some.sampled_from(sorted(SIGNS)))
def test_numbers_compare(held: float, bound: float, sign: str) -> None:
    """Any two numbers are in the order of their 64-bit floats."""
    condition = condition_of(Comparison(sign, "n", bound))  # type: ignore[arg-type]  # one of four

    expected = SIGNS[sign](float(held), float(bound))
    assert expected == holds(condition, tokens_of({"n": held}))


@given(held=NUMBERS, asked=NUMBERS)
def test_numbers_equal(held: float, asked: float) -> None:
    """Numbers are equal as 64-bit floats."""
    condition = condition_of(Comparison("eq", "n", asked))

    assert (float(held) == float(asked)) == holds(condition, tokens_of({"n": held}))


def test_both_zeros_are_one() -> None:
    """Zero has no sign."""
    for sign, expected in (("eq", True), ("gte", True), ("gt", False), ("lt", False)):
        condition = condition_of(Comparison(sign, "n", 0.0))  # type: ignore[arg-type]  # as above
        assert expected == holds(condition, tokens_of({"n": -0.0}))


def test_there_is_always_a_token() -> None:
    """Metadata without anything to compare have the one that all have."""
    assert [EVERY] == tokens_of({"a": None, "b": {"c": 1}, "d": math.nan})


def test_long_texts_have_short_tokens() -> None:
    """Stores limit what they filter by, so a token's length does not follow its value's."""
    assert {1, 16} == {len(token) for token in tokens_of({"abstract": "x" * 50_000, "n": 1.5})}


def test_conditions_combine() -> None:
    """Parts are joined as filters are."""
    tokens = tokens_of({"kind": "a", "tags": ["x", "y"]})
    is_a, is_z = Comparison("eq", "kind", "a"), Comparison("in", "tags", ("z",))

    assert holds(condition_of(Compound("or", (is_z, is_a))), tokens)
    assert not holds(condition_of(Compound("and", (is_z, is_a))), tokens)
    assert holds(condition_of(Compound("and", ())), tokens)
    assert not holds(condition_of(Compound("or", ())), tokens)
    assert holds(condition_of(Comparison("nin", "tags", ("z", 1))), tokens)
