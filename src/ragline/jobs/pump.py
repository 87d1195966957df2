"""A generator that runs in a thread of its own, so that its reader can look up between pieces."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Generator
from contextlib import closing
from types import TracebackType
from typing import Generic, Self, TypeVar

from ragline.providers.interruption import Interruption

T = TypeVar("T")


class Pump(Generic[T]):
    """Gives what a generator yields as it comes, and lets its reader wait for it in bits.

    Leaving the block ends the generator, in the middle of a call too. What the generator
    raises is raised by `take`.
    """

    def __init__(self, pieces: Generator[T, None, None]) -> None:
        self.has_ended = False
        self._pieces = pieces
        self._box: queue.SimpleQueue[T | BaseException | None] = queue.SimpleQueue()
        self._interruption = Interruption()
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._interruption.interrupt()

    def take(self, seconds: float) -> T | None:
        """Return the next piece; None where there is none in that time, or it has ended."""
        try:
            piece = self._box.get(timeout=max(seconds, 0.0))
        except queue.Empty:
            return None
        if piece is None:
            self.has_ended = True
        elif isinstance(piece, BaseException):
            raise piece
        return piece

    def _run(self) -> None:
        try:
            with self._interruption.heeded(), closing(self._pieces) as pieces:
                for piece in pieces:
                    self._box.put(piece)
                    if self._interruption.is_set:
                        return
        except BaseException as error:  # noqa: BLE001 # it is raised where the pieces are read
            self._box.put(error)
        else:
            self._box.put(None)
