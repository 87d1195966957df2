"""When a job will have ended, from how long others of its kind took."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_MEASURED = 3
LOW, HIGH = 0.1, 0.9


@dataclass(frozen=True, slots=True)
class Measured:
    """A job that ended well: seconds it ran, units it had, and when it ended (s since 1970)."""

    seconds: float
    units: int
    ended: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds until the end: expected, and a range that holds four of five."""

    expected: float
    low: float
    high: float


def remaining(
    measured: Sequence[Measured],
    *,
    ahead: int,
    done: int,
    total: int | None,
    running_for: float | None,
) -> Estimate | None:
    """Estimate the seconds until a job ends.

    `measured` are the latest jobs of its kind; `ahead` wait before it; `running_for` is None
    while it waits itself. Returns None where fewer than three were measured.
    """
    if len(measured) < LEAST_MEASURED:
        return None
    own = _own(measured, done=done, total=total, running_for=running_for)
    wait, spread = _wait(measured, ahead)
    return Estimate(
        expected=own.expected + wait,
        low=own.low + max(0.0, wait - spread),
        high=own.high + wait + spread,
    )


def _own(
    measured: Sequence[Measured], *, done: int, total: int | None, running_for: float | None
) -> Estimate:
    """Estimate a job's own running time, what it has behind it taken off."""
    if total:
        each = [one.seconds / max(one.units, 1) for one in measured]
        size = float(total)
    else:
        each, size = [one.seconds for one in measured], 1.0
    ran = running_for or 0.0
    low, middle, high = (_quantile(each, share) * size for share in (LOW, 0.5, HIGH))
    if done and total and ran:
        # Its own pace is the better witness, the more of it there is.
        left, weight = max(total - done, 0), min(done / total, 1.0)
        own = weight * (ran / done) * left
        others = (1 - weight) * left / total
        return Estimate(own + others * middle, own + others * low, own + others * high)
    return Estimate(max(0.0, middle - ran), max(0.0, low - ran), max(0.0, high - ran))


def _wait(measured: Sequence[Measured], ahead: int) -> tuple[float, float]:
    """Return the time until `ahead` jobs have ended, at the measured pace, and its spread."""
    if ahead <= 0:
        return 0.0, 0.0
    ends = sorted(one.ended for one in measured)
    gaps = [later - earlier for earlier, later in itertools.pairwise(ends)]
    # Pauses, when nothing was queued, say nothing about the pace.
    longest = max(one.seconds for one in measured)
    gaps = [gap for gap in gaps if gap <= longest] or [longest]
    mean = sum(gaps) / len(gaps)
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    # The pace itself is only known from so many gaps; that part does not average out.
    spread = 1.3 * deviation * (math.sqrt(ahead) + ahead / math.sqrt(len(gaps)))
    return ahead * mean, spread


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
