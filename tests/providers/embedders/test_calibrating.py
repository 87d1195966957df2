"""A model's cosines are measured on samples where nobody measured them before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ragline.providers.contracts import Vectors
from ragline.providers.embedders.calibrating import SAMPLES, measured


def model(unrelated: float, related: float) -> tuple[list[list[float]], list[list[float]]]:
    """Return vectors of questions and passages with these cosines."""
    count = len(SAMPLES)
    cosines = np.full((count, count), unrelated)
    np.fill_diagonal(cosines, related)
    return np.eye(count).tolist(), cosines.T.tolist()


def calibrated(unrelated: float, related: float) -> tuple[float, float]:
    questions, passages = model(unrelated, related)

    def embed(rows: list[list[float]]) -> Vectors:
        return np.array(rows, dtype=np.float32)

    def queries(_: Sequence[str]) -> Vectors:
        return embed(questions)

    found = measured(queries, lambda _: embed(passages))
    return round(found.floor, 4), round(found.ceiling, 4)


def test_the_ends_are_what_is_usual() -> None:
    """Unrelated texts make the floor, questions with their passages the ceiling."""
    assert (0.7, 0.9) == calibrated(0.7, 0.9)


def test_a_model_that_knows_nothing_keeps_some_span() -> None:
    """Where all cosines are alike, nearness is still defined."""
    assert (0.5, 0.6) == calibrated(0.5, 0.5)


def test_no_cosine_is_above_one() -> None:
    """The ceiling is a cosine."""
    assert (0.95, 1.0) == calibrated(0.95, 0.96)
