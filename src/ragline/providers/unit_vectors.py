"""Vectors of length 1, or none: a vector of zeros is as near to one thing as to another."""

from __future__ import annotations

import numpy as np

from ragline.providers.contracts import Vectors

SHORTEST = 1e-12
UNIT_WITHIN = 1e-4


def unit_rows(rows: Vectors) -> Vectors | None:
    """Return rows of length 1 as 32-bit floats; None where one has no direction.

    Rows that are of length 1 already stay as they are, bit by bit.
    """
    floats = np.ascontiguousarray(rows, dtype=np.float32)
    lengths = np.linalg.norm(floats.astype(np.float64), axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths < SHORTEST).any():
        return None
    if (np.abs(lengths - 1) <= UNIT_WITHIN).all():
        return floats
    unit: Vectors = (floats / lengths).astype(np.float32)
    return unit
