"""Three ways of finding a product, made one ranking; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PARTS = ("image", "text", "keywords")


@dataclass(frozen=True, slots=True)
class Ranked:
    """A product's point with its score (0 to 1) and those of its parts; None was not asked."""

    point_id: str
    score: float
    scores: dict[str, float | None]


def on_scale(cosine: float, ends: tuple[float, float]) -> float:
    """Return a cosine on a scale from 0, where things are unrelated, to 1, where they are equal."""
    lowest, highest = ends
    return min(1.0, max(0.0, (cosine - lowest) / (highest - lowest)))


def shares(scores: Mapping[str, float]) -> dict[str, float]:
    """Return lexical scores as shares of the best one."""
    best = max(scores.values(), default=0.0)
    return {each: score / best for each, score in scores.items()} if best > 0 else {}


def fuse(
    parts: Mapping[str, Mapping[str, float]],
    weights: Mapping[str, float],
    *,
    point_ids: Sequence[str],
) -> list[Ranked]:
    """Return points by the weighted mean of their parts' scores (0 to 1 each), best first.

    `parts` are those that were asked for; a point that one of them does not know scores 0 there.
    At least one of them has a weight above 0.
    """
    whole = sum(weights[part] for part in parts)
    ranked = []
    for point in dict.fromkeys(point_ids):
        scores = {part: parts[part].get(point, 0.0) for part in parts}
        score = sum(weights[part] * value for part, value in scores.items()) / whole
        ranked.append(Ranked(point, score, {part: scores.get(part) for part in PARTS}))
    return sorted(ranked, key=lambda each: (-each.score, each.point_id))
