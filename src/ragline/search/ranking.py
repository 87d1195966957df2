"""How the two ways of searching are made one ranking; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ragline.providers.contracts import Calibration, Match


def fuse(
    dense: Sequence[Match],
    lexical: Sequence[Match],
    similarities: Mapping[str, float],
    calibration: Calibration,
    *,
    same_language: bool,
    best: float | None = None,
) -> list[Match]:
    """Return all candidates by rank score (0 to 1), best first.

    The score is a convex combination of the lexical score, as a share of the best one, and
    the cosine on the embedder's own scale: not of ranks, which forget how good a match is.
    `similarities` gives the cosines of candidates found by their words only; a candidate
    found by its meaning only has no lexical score. `same_language` tells whether passages
    may share the question's language: if not, their words say little. `best` is the best
    lexical score where others are ranked beside these.
    """
    weight = calibration.lexical_weight if same_language else calibration.cross_language_weight
    cosines = {**similarities, **{match.chunk_id: match.score for match in dense}}
    if best is None:
        best = max((match.score for match in lexical), default=0.0)
    words = {match.chunk_id: match.score / best for match in lexical if best > 0}
    documents = {match.chunk_id: match.document_id for match in (*dense, *lexical)}
    fused = [
        Match(
            chunk_id,
            document_id,
            weight * words.get(chunk_id, 0.0)
            + (1 - weight) * nearness(cosines.get(chunk_id, calibration.floor), calibration),
        )
        for chunk_id, document_id in documents.items()
    ]
    return sorted(fused, key=lambda match: (-match.score, match.chunk_id))


def nearness(cosine: float, calibration: Calibration) -> float:
    """Return a cosine on a scale from 0, where texts are unrelated, to 1, where they are equal."""
    scaled = (cosine - calibration.floor) / (1 - calibration.floor)
    return min(1.0, max(0.0, scaled))


def best_per_document(matches: Sequence[Match]) -> list[Match]:
    """Return each document's best chunk, in the order given."""
    best: dict[str, Match] = {}
    for match in matches:
        best.setdefault(match.document_id, match)
    return list(best.values())
