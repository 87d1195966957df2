"""Is the new index as good as the old one? What searches of both found, compared; pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

DEPTH = 10
"""Passages, or documents, that are compared of each search."""
SAME_MODEL_OVERLAP = 0.9
"""The same vectors in another store: what differs is how its approximate search goes astray."""
OTHER_MODEL_OVERLAP = 0.3
"""Models differ in taste; two that share fewer results than this are not both at work."""
MOST_FOUND_LESS = 0.1
MOST_NDCG_LESS = 0.02

Source = Literal["eval", "recent", "passages"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and which ids count as right answers to it, where that is known."""

    text: str
    right: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Answers:
    """What was found for a question in the old and the new index, best first."""

    question: Question
    before: Sequence[str]
    after: Sequence[str]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What the new index must reach; None leaves out a condition.

    `overlap` is the least mean share of results that both have in common; `found_less` and
    `ndcg_less` are by how much it may find less of what is known to be right.
    """

    overlap: float | None
    found_less: float | None = None
    ndcg_less: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the new index may answer, with the numbers and the reasons against it.

    Shares and nDCG go from 0 to 1; those `before` and `after` are None where it is not known
    what is right.
    """

    passed: bool
    source: Source
    questions: int
    overlap: float
    least_overlap: float | None
    measure: str | None
    before: float | None
    after: float | None
    reasons: tuple[str, ...]


def thresholds(
    source: Source, *, same_model: bool, overlap: float | None, is_asked: bool
) -> Thresholds:
    """Return the conditions of a check; `is_asked` says that the overlap was asked for."""
    if not is_asked:
        overlap = SAME_MODEL_OVERLAP if same_model else OTHER_MODEL_OVERLAP
    if source == "eval":
        # What is known to be right says more than what was found before.
        return Thresholds(overlap if is_asked else None, ndcg_less=MOST_NDCG_LESS)
    if source == "passages":
        return Thresholds(overlap, found_less=MOST_FOUND_LESS)
    return Thresholds(overlap)


def judge(answers: Sequence[Answers], source: Source, wanted: Thresholds) -> Verdict:
    """Compare what both indexes found; without a question there is nothing to object to."""
    overlap = _mean(_overlap(each.before, each.after) for each in answers)
    measure, before, after = _measured(answers, wanted)
    reasons = []
    if answers and wanted.overlap is not None and overlap < wanted.overlap:
        reasons.append(
            f"Of the first {DEPTH} results {overlap:.0%} are the same, less than the "
            f"{wanted.overlap:.0%} asked for."
        )
    most = wanted.ndcg_less if wanted.ndcg_less is not None else wanted.found_less
    if before is not None and after is not None and most is not None and before - after > most:
        reasons.append(f"{measure} falls from {before:.3f} to {after:.3f}, by more than {most:g}.")
    return Verdict(
        passed=not reasons,
        source=source,
        questions=len(answers),
        overlap=round(overlap, 4),
        least_overlap=wanted.overlap,
        measure=measure,
        before=None if before is None else round(before, 4),
        after=None if after is None else round(after, 4),
        reasons=tuple(reasons),
    )


def _measured(
    answers: Sequence[Answers], wanted: Thresholds
) -> tuple[str | None, float | None, float | None]:
    known = [each for each in answers if each.question.right]
    if not known or (wanted.ndcg_less is None and wanted.found_less is None):
        return None, None, None
    score: Callable[[Sequence[str], Collection[str]], float]
    if wanted.ndcg_less is not None:
        measure, score = f"nDCG@{DEPTH}", ndcg
    else:
        measure, score = "The share of questions that find their passage", _finds
    before = _mean(score(each.before, each.question.right) for each in known)
    after = _mean(score(each.after, each.question.right) for each in known)
    return measure, before, after


def _overlap(before: Sequence[str], after: Sequence[str]) -> float:
    first, second = set(before[:DEPTH]), set(after[:DEPTH])
    if not first and not second:
        return 1.0
    return len(first & second) / max(len(first), len(second))


def _finds(found: Sequence[str], right: Collection[str]) -> float:
    return float(any(each in right for each in found[:DEPTH]))


def ndcg(found: Sequence[str], right: Collection[str]) -> float:
    """Return the normalised discounted cumulative gain of the first results, 0 to 1."""
    gain = sum(
        1 / math.log2(place + 2) for place, each in enumerate(found[:DEPTH]) if each in right
    )
    best = sum(1 / math.log2(place + 2) for place in range(min(len(right), DEPTH)))
    return gain / best


def _mean(values: Iterable[float]) -> float:
    some = list(values)
    return sum(some) / len(some) if some else 1.0
