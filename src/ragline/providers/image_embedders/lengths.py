"""Vectors of length 1, or an error: a zero vector would be as near to one thing as to another."""

from __future__ import annotations

import numpy as np

from ragline.errors import PermanentProviderError
from ragline.providers.contracts import Vectors


def of_length_one(rows: Vectors) -> Vectors:
    """Return rows of length 1; raise `PermanentProviderError` for one without a direction."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths < 1e-12).any():
        raise PermanentProviderError(
            "The image model gave a vector of zeros, or none of numbers. Check that its weights "
            "are whole and that its settings name the right model."
        )
    unit: Vectors = (rows / lengths).astype(np.float32)
    return unit
