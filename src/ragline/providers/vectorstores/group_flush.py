"""One flush for the writes of many threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class GroupFlush:
    """Makes writes durable: whoever comes first flushes for all who wrote before it began.

    A flush of the embedded index holds the interpreter for some 20 ms, so there are at
    least `pause` seconds between two of them; writers that come meanwhile share the next.
    """

    def __init__(self, flush: Callable[[], None], *, pause: float) -> None:
        self._flush = flush
        self._pause = pause
        self._flushing = threading.Lock()
        self._written = 0
        self._durable = 0
        self._last = 0.0

    def note_write(self) -> int:
        """Count a write that was just made; the caller makes one write at a time."""
        self._written += 1
        return self._written

    def wait(self, write: int) -> None:
        """Return once this write is durable."""
        with self._flushing:
            if self._durable >= write:
                return
            time.sleep(max(0.0, self._last + self._pause - time.monotonic()))
            covered = self._written
            self._flush()
            self._last = time.monotonic()
            self._durable = covered
