"""When a webhook is tried again: exponentially later, over at least 72 hours."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache

WINDOW = timedelta(hours=72)
FIRST = timedelta(seconds=5)
LONGEST = timedelta(hours=24)
JITTER = 0.2
"""A wait is up to this share longer than planned, so that many do not come back at once."""
_STEPS = 60


@cache
def waits(tries: int) -> tuple[timedelta, ...]:
    """Return the shortest waits between so many tries (10 or more); they add up to the window."""
    low, high = 1.0, LONGEST / FIRST
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if sum(_growing(tries, middle), timedelta()) < WINDOW:
            low = middle
        else:
            high = middle
    return _growing(tries, high)


def wait(after_try: int, tries: int, *, draw: float) -> timedelta:
    """Return how long to wait after a try, counted from 1; `draw` in [0, 1) is the jitter's."""
    return waits(tries)[after_try - 1] * (1 + JITTER * draw)


def asked_wait(header: str | None, *, at: datetime) -> timedelta:
    """Return what a `Retry-After` header asks for, seconds or a date, within a day.

    Source: RFC 9110, section 10.2.3.
    """
    if not header:
        return timedelta()
    if header.strip().isdecimal():
        return timedelta(seconds=min(int(header.strip()[:9]), LONGEST.total_seconds()))
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return timedelta()
    if until.tzinfo is None:
        until = until.replace(tzinfo=at.tzinfo)
    return max(timedelta(), min(until - at, LONGEST))


def _growing(tries: int, factor: float) -> tuple[timedelta, ...]:
    found = [FIRST]
    while len(found) < tries - 1:
        found.append(min(found[-1] * factor, LONGEST))
    return tuple(found)
