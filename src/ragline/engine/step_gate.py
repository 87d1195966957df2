"""Which steps may begin, so that a process can end between two of them."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import structlog

from ragline.engine.courtesy import Courtesy
from ragline.engine.outage import is_outage
from ragline.errors import Stopping

OUTAGE_WAIT_SECONDS = 0.5

log = structlog.get_logger()
P = ParamSpec("P")
R = TypeVar("R")


class StepGate:
    """Lets steps through until it is closed, and knows how many are under way."""

    def __init__(self, courtesy: Courtesy) -> None:
        self._courtesy = courtesy
        self._changed = threading.Condition()
        self._running = 0
        self._closed = threading.Event()

    def guarded(self, step: Callable[P, R]) -> Callable[P, R]:
        """Return a step that raises `Stopping` instead of beginning once the gate is closed."""

        @functools.wraps(step)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            self._courtesy.give_way()
            with self._changed:
                if self._closed.is_set():
                    raise Stopping
                self._running += 1
            try:
                return self.patiently(step)(*args, **kwargs)
            except Exception as error:
                if self._closed.is_set():
                    # What it works with may be closed already, which is no failure of the work.
                    raise Stopping from error
                raise
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()

        return run

    def patiently(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return a function that waits for a database that is away, and then goes on.

        A job must not fail because the database was started anew under it.
        """

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            while True:
                try:
                    return function(*args, **kwargs)
                except Exception as error:
                    if not is_outage(error):
                        raise
                    log.warning("database.away", doing=function.__name__, error=str(error)[:200])
                self.pause(OUTAGE_WAIT_SECONDS)

        return run

    def pause(self, seconds: float) -> None:
        """Wait inside a workflow, but not beyond the closing of the gate."""
        if self._closed.wait(seconds):
            raise Stopping

    def close(self) -> None:
        """Let no step begin any more."""
        self._closed.set()

    def wait_until_empty(self, seconds: float) -> bool:
        """Wait for the steps under way; return whether all have ended in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._running == 0, timeout=seconds)
