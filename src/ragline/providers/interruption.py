"""Ending a provider's call from another thread, in the middle of its waiting for an answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Interruption:
    """A wish to end the calls that are made while it is heeded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set = False
        self._enders: list[Callable[[], None]] = []

    @property
    def is_set(self) -> bool:
        """Whether calls are to end."""
        return self._set

    def interrupt(self) -> None:
        """End the calls under way; those that are made later end at once."""
        with self._lock:
            self._set = True
            enders = list(self._enders)
        for end in enders:
            end()

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Let calls of this thread be ended for the length of the block."""
        token = _PRESENT.set(self)
        try:
            yield
        finally:
            _PRESENT.reset(token)

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """Have a call ended by `end`, from whichever thread, for the length of the block."""
        with self._lock:
            self._enders.append(end)
            at_once = self._set
        if at_once:
            end()
        try:
            yield
        finally:
            with self._lock:
                self._enders.remove(end)


_PRESENT: ContextVar[Interruption | None] = ContextVar("interruption", default=None)


@contextmanager
def ended_by(end: Callable[[], None]) -> Iterator[None]:
    """Let `end` be called if this thread's calls are to end while the block runs."""
    present = _PRESENT.get()
    if present is None:
        yield
        return
    with present.ending(end):
        yield
