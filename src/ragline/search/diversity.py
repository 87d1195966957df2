"""Passages that say different things, rather than the same thing several times; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ragline.providers.contracts import Vectors


def diverse_order(
    scores: Sequence[tuple[str, float]],
    vectors: Mapping[str, Vectors],
    *,
    diversity: float,
    limit: int,
) -> list[str]:
    """Return up to `limit` ids, each the best one beside those before it.

    `scores` are ids with scores (0–1), best first; `vectors` have length 1. What counts is
    (1 − diversity) · score − diversity · likeness to the most alike one chosen before: 0 leaves
    the order as it is, 1 looks at nothing but differences. Likeness is 1 for equal passages and 0
    for the two that are least alike, since each model's cosines have a scale of their own. A
    passage without a vector is like no other.

    Source: Carbonell and Goldstein, "The use of MMR", SIGIR 1998.
    """
    ids = [id for id, _ in scores]
    if diversity <= 0 or len(ids) < 2:
        return ids[:limit]
    worth = (1 - diversity) * np.array([score for _, score in scores])
    likeness = _likeness(ids, vectors)
    nearest = np.zeros(len(ids))
    left = np.ones(len(ids), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < min(limit, len(ids)):
        # Where two are worth the same, the one with the better score comes first.
        value = np.where(left, worth - diversity * nearest, -np.inf)
        best = int(np.argmax(value)) if chosen else 0
        chosen.append(best)
        left[best] = False
        nearest = np.maximum(nearest, likeness[best])
    return [ids[place] for place in chosen]


def _likeness(ids: Sequence[str], vectors: Mapping[str, Vectors]) -> Vectors:
    """Return how alike each two are, 0 to 1, shape (ids, ids)."""
    known = [place for place, id in enumerate(ids) if id in vectors]
    whole = np.zeros((len(ids), len(ids)), dtype=np.float32)
    if len(known) < 2:
        return whole
    rows = np.stack([vectors[ids[place]] for place in known])
    cosines = rows @ rows.T
    lowest = float(cosines.min())
    whole[np.ix_(known, known)] = np.clip((cosines - lowest) / max(1.0 - lowest, 1e-6), 0.0, 1.0)
    return whole
