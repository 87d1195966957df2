"""Requests before steps, where one process serves and works.

Both share one interpreter: a step that begins while a request is under way makes its client
wait. Steps give way for a moment, never for long, so that a busy server still gets its work
done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

MOST_SECONDS = 0.25
"""The longest time that a step gives way."""
YOUNG_SECONDS = 1.0
"""A request that takes longer waits for something itself, and nobody waits for it."""


class Courtesy:
    """Knows which requests are under way, and lets steps wait for a gap between them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._since: dict[int, float] = {}
        self._number = 0

    @contextmanager
    def served(self) -> Iterator[None]:
        """Count a request as under way."""
        with self._changed:
            self._number += 1
            number = self._number
            self._since[number] = time.monotonic()
        try:
            yield
        finally:
            with self._changed:
                del self._since[number]
                if not self._since:
                    self._changed.notify_all()

    def give_way(self) -> None:
        """Return as soon as no young request is under way, or after a moment."""
        if not self._since:
            return
        with self._changed:
            self._changed.wait_for(self._is_free, timeout=MOST_SECONDS)

    def _is_free(self) -> bool:
        young = time.monotonic() - YOUNG_SECONDS
        return all(since < young for since in self._since.values())
