"""Vectors of length 1, or an error: a zero vector would be as near to one thing as to another."""

from __future__ import annotations

from ragline.errors import PermanentProviderError
from ragline.providers.contracts import Vectors
from ragline.providers.unit_vectors import unit_rows


def of_length_one(rows: Vectors) -> Vectors:
    """Return rows of length 1; raise `PermanentProviderError` for one without a direction."""
    unit = unit_rows(rows)
    if unit is None:
        raise PermanentProviderError(
            "The image model gave a vector of zeros, or none of numbers. Check that its weights "
            "are whole and that its settings name the right model."
        )
    return unit
