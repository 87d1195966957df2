"""Chunks for the tests of vector stores."""

from __future__ import annotations

import uuid

import numpy as np

from ragline.providers.contracts import Comparison, IndexedChunk, LexicalVector, Vectors

DIMENSIONS = 8
PROJECT = str(uuid.UUID(int=1))
OTHER_PROJECT = str(uuid.UUID(int=2))
DOCUMENT = str(uuid.UUID(int=11))
OTHER_DOCUMENT = str(uuid.UUID(int=12))
LARGEST_TERM = 2**32 - 1
TOLERANCE = 0.002


def vector(*values: float) -> Vectors:
    """Return a vector of length 1 that begins with these values."""
    padded = np.zeros(DIMENSIONS, dtype=np.float32)
    padded[: len(values)] = values
    unit: Vectors = padded / np.linalg.norm(padded)
    return unit


def chunk(
    number: int,
    *,
    project_id: str = PROJECT,
    document_id: str = DOCUMENT,
    version: int = 1,
    dense: Vectors | None = None,
    terms: dict[int, float] | None = None,
    metadata: dict[str, object] | None = None,
) -> IndexedChunk:
    """Return a chunk whose id is made from a number."""
    lexical = terms or {7: 1.0}
    return IndexedChunk(
        chunk_id=chunk_id(number),
        document_id=document_id,
        project_id=project_id,
        version=version,
        dense=vector(1) if dense is None else dense,
        lexical=LexicalVector(tuple(lexical), tuple(lexical.values())),
        metadata=metadata or {},
    )


def chunk_id(number: int) -> str:
    """Return the id of a numbered chunk."""
    return str(uuid.UUID(int=1000 + number))


def is_(key: str, value: str | int | float | bool) -> Comparison:
    """Return the condition that a key equals a value."""
    return Comparison("eq", key, value)
