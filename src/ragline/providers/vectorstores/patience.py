"""Calls to vector servers that are tried again where they failed for a time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ragline.errors import TemporaryProviderError
from ragline.settings import Settings

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a call is tried; pauses double, and vary so that callers do not come as one."""

    tries: int
    first_pause: float = FIRST_PAUSE_SECONDS

    @classmethod
    def of(cls, settings: Settings) -> Patience:
        """Return the patience that the settings ask for."""
        return cls(settings.vector_tries)

    def call(self, ask: Callable[[], T]) -> T:
        """Return what `ask` gives; the last temporary error is raised.

        A server that asks for a longer pause than the longest is not waited for here: the
        error says when it wants to be called again.
        """
        for turn in range(self.tries):
            try:
                return ask()
            except TemporaryProviderError as error:
                pause = self._pause(turn, error.retry_after)
                if turn + 1 == self.tries or pause > LONGEST_PAUSE_SECONDS:
                    raise
                time.sleep(pause)
        raise AssertionError("there is at least one try")

    def _pause(self, turn: int, asked: float | None) -> float:
        if asked is not None:
            return asked
        longest = min(LONGEST_PAUSE_SECONDS, self.first_pause * 2.0**turn)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  # spreads callers, hides nothing


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the items in batches of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def retry_after(value: str | None) -> float | None:
    """Return the seconds of a header Retry-After; dates are not read."""
    try:
        return max(0.0, float(value)) if value is not None else None
    except ValueError:
        return None
