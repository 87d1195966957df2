"""The weight of words, for stores that do not weigh them themselves."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping

import numpy as np

from ragline.providers.contracts import LexicalVector, TermCounts

_TERMS, _WEIGHTS = np.dtype("<u4"), np.dtype("<f4")


def idf(chunks: int, holding: int) -> float:
    """Return the weight of a term that so many of all chunks hold (always above 0).

    Source: Robertson & Zaragoza, The Probabilistic Relevance Framework (2009), plus 1.
    """
    return math.log((chunks - holding + 0.5) / (holding + 0.5) + 1)


def weighed(asked: LexicalVector, counts: TermCounts) -> dict[int, float]:
    """Return the terms asked for that some chunk holds, each weight times IDF."""
    return {
        term: weight * idf(counts.chunks, counts.holding[term])
        for term, weight in zip(asked.indices, asked.values, strict=True)
        if counts.holding.get(term, 0) > 0
    }


def packed(vector: LexicalVector) -> str:
    """Return terms and weights as text that any store keeps: 8 bytes each, in base 64."""
    terms = np.asarray(vector.indices, _TERMS).tobytes()
    return base64.b64encode(terms + np.asarray(vector.values, _WEIGHTS).tobytes()).decode()


def score(weights: Mapping[int, float], held: str) -> float:
    """Return the sum over the terms of their weights here times those in a packed vector."""
    content = base64.b64decode(held)
    half = len(content) // 2
    terms: list[int] = np.frombuffer(content[:half], _TERMS).tolist()
    values: list[float] = np.frombuffer(content[half:], _WEIGHTS).tolist()
    return math.fsum(
        weights[term] * value for term, value in zip(terms, values, strict=True) if term in weights
    )
