"""Diversity: what is like better passages comes later."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragline.search.diversity import diverse_order

SCORES = [("a", 0.9), ("b", 0.88), ("c", 0.6), ("d", 0.1)]


def unit(*values: float) -> np.ndarray:
    row = np.array(values, dtype=np.float32)
    return row / np.linalg.norm(row)


VECTORS = {"a": unit(1, 0, 0), "b": unit(1, 0.01, 0), "c": unit(0, 1, 0), "d": unit(0, 0, 1)}


def order(diversity: float, *, limit: int = 4) -> str:
    return "".join(diverse_order(SCORES, VECTORS, diversity=diversity, limit=limit))


@pytest.mark.parametrize(
    ("diversity", "expected"), [(0.0, "abcd"), (0.1, "abcd"), (0.5, "acdb"), (1.0, "acdb")]
)
def test_more_diversity_puts_doubles_behind(diversity: float, expected: str) -> None:
    """The second of two equal passages loses its place to what says something else."""
    assert expected == order(diversity)


def test_the_best_stays_first() -> None:
    """Whatever the diversity, the best passage is shown first."""
    assert {"a"} == {order(step / 10)[0] for step in range(11)}


def test_the_limit_is_kept() -> None:
    """No more than wanted come."""
    assert "ac" == order(0.5, limit=2)


def test_a_passage_without_a_vector_is_like_no_other() -> None:
    """It keeps its worth, and nothing loses by it."""
    known = {id: vector for id, vector in VECTORS.items() if id != "b"}

    assert "b" == diverse_order(SCORES, known, diversity=0.5, limit=4)[1]


def test_scales_of_models_make_no_difference() -> None:
    """Cosines between .9 and 1 tell as much as those between 0 and 1."""
    narrow = {id: unit(*(0.35 * vector), 0.94) / 1.0 for id, vector in VECTORS.items()}

    assert order(0.5) == "".join(diverse_order(SCORES, narrow, diversity=0.5, limit=4))


def test_nothing_gives_nothing() -> None:
    """No passages, no order."""
    assert [] == diverse_order([], {}, diversity=0.5, limit=3)


@given(
    scores=st.lists(st.floats(0, 1), min_size=1, max_size=12),
    diversity=st.floats(0, 1),
    limit=st.integers(1, 15),
    seed=st.integers(0, 1000),
)
def test_it_is_an_order(scores: list[float], diversity: float, limit: int, seed: int) -> None:
    """Each passage comes once, and as many as there are and may be."""
    ids = [(str(place), score) for place, score in enumerate(sorted(scores, reverse=True))]
    rows = np.random.default_rng(seed).normal(size=(len(ids), 4)).astype(np.float32)
    vectors = {id: row / np.linalg.norm(row) for (id, _), row in zip(ids, rows, strict=True)}

    found = diverse_order(ids, vectors, diversity=diversity, limit=limit)

    assert min(limit, len(ids)) == len(found) == len(set(found))
