"""Vectors that are none are refused in one place, whoever made them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ragline.errors import PermanentProviderError, TemporaryProviderError
from ragline.providers.checked_embedder import CheckedEmbedder
from ragline.providers.contracts import Calibration, Vectors


class Given:
    """An adapter of a third party that returns what it is given."""

    calibration = Calibration(floor=0.0, lexical_weight=0.3, cross_language_weight=0.1)
    dimensions = 3

    def __init__(self, rows: object, *, provider: str | None = None, name: str = "given") -> None:
        self.rows = np.asarray(rows, dtype=np.float64)
        self.provider = provider
        self.name = name

    def prepare(self) -> None: ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self.rows

    def embed_query(self, text: str) -> Vectors:
        return self.rows[0]

    def close(self) -> None: ...


def test_lengths_become_one() -> None:
    """What is not of length 1 is made so, as 32-bit floats."""
    checked = CheckedEmbedder(Given([[3.0, 4.0, 0.0]]))

    assert [0.6, 0.8, 0.0] == pytest.approx(checked.embed_query("text").tolist())
    assert np.float32 == checked.embed_passages(["text"]).dtype


def test_unit_vectors_stay_as_they_are() -> None:
    """Bit by bit, so that the same text keeps the same vector."""
    row = np.array([[0.6, 0.8, 0.0]], dtype=np.float32)

    assert row.tobytes() == CheckedEmbedder(Given(row)).embed_passages(["text"]).tobytes()


@pytest.mark.parametrize(
    "rows",
    [
        [[0.0, 0.0, 0.0]],
        [[float("nan"), 1.0, 0.0]],
        [[float("inf"), 1.0, 0.0]],
        [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]],
        [1.0, 0.0, 0.0],
    ],
    ids=["zeros", "NaN", "infinite", "too many", "one axis"],
)
def test_what_is_no_vector_is_an_error(rows: object) -> None:
    """A service may do better next time; a model that computes here will not."""
    with pytest.raises(TemporaryProviderError):
        CheckedEmbedder(Given(rows, provider="embed_given")).embed_passages(["text"])
    with pytest.raises(PermanentProviderError):
        CheckedEmbedder(Given(rows)).embed_passages(["text"])


@pytest.mark.parametrize("provider", [None, "embed_given"])
def test_other_dimensions_stay_wrong(provider: str | None) -> None:
    """No retry makes them fit, and the settings to look at are named."""
    with pytest.raises(PermanentProviderError, match="RAGLINE_EMBEDDER"):
        CheckedEmbedder(Given([[1.0, 0.0]], provider=provider)).embed_passages(["text"])


def test_a_long_name_ends_in_its_hash() -> None:
    """Names are kept in columns; two long ones stay apart."""
    first, second = (CheckedEmbedder(Given([[1]], name="m" * 120 + end)).name for end in "ab")

    assert 100 == len(first) == len(second)
    assert first != second
