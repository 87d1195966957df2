"""How the ways of searching are made one ranking; pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ragline.providers.contracts import Calibration, Match

# Fewer candidates than this do not tell how two models' scores relate.
ENOUGH = 8


@dataclass(frozen=True, slots=True)
class Similarities:
    """The cosines (−1 to 1) of candidates by one model, and how its cosines are read."""

    calibration: Calibration
    cosines: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What tells how far the words of a question, and each model, are to be trusted.

    `language` is the question's (ISO 639-1), None where it is not sure; `passage_languages` are
    those of the passages, none meaning unknown. `best_lexical` is the best lexical score
    where others are ranked beside these; None means the best of these.
    """

    language: str | None = None
    passage_languages: Collection[str | None] = ()
    best_lexical: float | None = None

    @property
    def may_share(self) -> bool:
        """Tell whether some passage may be in the question's language."""
        known = {each for each in self.passage_languages if each}
        return self.language is None or not known or self.language in known


def fuse(
    documents: Mapping[str, str],
    lexical: Mapping[str, float],
    models: Sequence[Similarities],
    *,
    evidence: Evidence,
) -> list[Match]:
    """Return all candidates by rank score (0 to 1), best first.

    `documents` maps each candidate's chunk id to its document; `lexical` has the BM25 scores
    of those that hold a word of the question; `models` has the project's own model first,
    which knows every candidate, and the better one second, which may lack some.

    The score is a convex combination of the lexical score, as a share of the best one, and
    of what the models say: not of ranks, which forget how good a match is. How much words
    weigh follows from whether passages may share the question's language, and from the model.
    """
    heard = _understanding(models, evidence.language)
    best = evidence.best_lexical or max(lexical.values(), default=0.0)
    weight = _lexical_weight(documents, heard, may_share=evidence.may_share)
    near = nearness_by(heard, documents)
    fused = [
        Match(
            chunk_id,
            document_id,
            (weight * min(1.0, lexical.get(chunk_id, 0.0) / best) if best > 0 else 0.0)
            + (1 - weight) * near[chunk_id],
        )
        for chunk_id, document_id in documents.items()
    ]
    return in_order(fused, heard)


def in_order(matches: Iterable[Match], models: Sequence[Similarities]) -> list[Match]:
    """Return matches best first; of two beyond the ceiling the nearer one by cosine comes first."""
    cosines = models[-1].cosines if models else {}
    return sorted(
        matches,
        key=lambda match: (-match.score, -cosines.get(match.chunk_id, -1.0), match.chunk_id),
    )


def meanings(
    chunk_ids: Collection[str], models: Sequence[Similarities], *, language: str | None
) -> dict[str, float]:
    """Return how near chunks are to a question in a language, 0 to 1, words left aside."""
    return nearness_by(_understanding(models, language), chunk_ids)


def nearness_by(models: Sequence[Similarities], chunk_ids: Collection[str]) -> dict[str, float]:
    """Return how near each chunk is by the last model, 0 to 1; the first one knows them all.

    A chunk that the better model lacks is put where its place among the chunks that both know
    would be: the first model's scores are stretched to the mean and the spread of the
    mixture, so that a chunk gains or loses nothing by being upgraded later than others.
    """
    own = _read(models[0], chunk_ids)
    if len(models) == 1:
        return own
    better = _read(models[1], [each for each in chunk_ids if each in models[1].cosines])
    beside = models[1].calibration.beside
    mixed = {each: beside * own[each] + (1 - beside) * near for each, near in better.items()}
    if len(mixed) == len(own) or len(mixed) < ENOUGH:
        return own | mixed
    middle, spread = _distribution(own[each] for each in mixed)
    target, target_spread = _distribution(mixed.values())
    stretch = target_spread / spread if spread > 0 else 1.0
    placed = {each: _within(target + (near - middle) * stretch) for each, near in own.items()}
    return placed | mixed


def nearness(cosine: float, calibration: Calibration) -> float:
    """Return a cosine on a scale from 0, as unrelated texts have, to 1, as near as it gets.

    The scale is the same for every calibrated model: on it, half of all passages that answer a
    question lie above .55 or so.
    """
    return _within((cosine - calibration.floor) / (calibration.ceiling - calibration.floor))


def best_per_document(matches: Sequence[Match]) -> list[Match]:
    """Return each document's best chunk, in the order given."""
    best: dict[str, Match] = {}
    for match in matches:
        best.setdefault(match.document_id, match)
    return list(best.values())


def _understanding(models: Sequence[Similarities], language: str | None) -> list[Similarities]:
    """Return the project's own model and, if it knows the question's language, the better one."""
    return [
        each
        for place, each in enumerate(models[:2])
        if place == 0
        or language is None
        or each.calibration.languages is None
        or language in each.calibration.languages
    ]


def _lexical_weight(
    chunk_ids: Collection[str], models: Sequence[Similarities], *, may_share: bool
) -> float:
    """Return the share of words: the better model's as far as it knows the candidates."""
    weights = [
        each.calibration.lexical_weight if may_share else each.calibration.cross_language_weight
        for each in models
    ]
    if len(models) == 1 or not chunk_ids:
        return weights[0]
    known = sum(each in models[1].cosines for each in chunk_ids) / len(chunk_ids)
    return (1 - known) * weights[0] + known * weights[1]


def _read(model: Similarities, chunk_ids: Iterable[str]) -> dict[str, float]:
    """Return the nearness of chunks by one model; one it does not know counts as unrelated."""
    floor = model.calibration.floor
    return {each: nearness(model.cosines.get(each, floor), model.calibration) for each in chunk_ids}


def _distribution(values: Iterable[float]) -> tuple[float, float]:
    """Return the mean and the standard deviation of at least one value."""
    known = list(values)
    mean = sum(known) / len(known)
    return mean, math.sqrt(sum((each - mean) ** 2 for each in known) / len(known))


def _within(value: float) -> float:
    return min(1.0, max(0.0, value))
