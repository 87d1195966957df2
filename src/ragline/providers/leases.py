"""Leases of this process, prolonged while it lives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

log = structlog.get_logger()


class Leases:
    """Calls `renew` every few seconds with all leases that are kept, by id with their owners.

    The thread that does so ends soon after the last lease and begins with the next one.
    """

    def __init__(self, renew: Callable[[dict[str, str]], None], *, every: float) -> None:
        self._renew = renew
        self._every = every
        self._kept: dict[str, str] = {}
        self._guard = threading.Lock()
        self._renewing = threading.Lock()
        self._runs = False

    @contextmanager
    def kept(self, lease: str, owner: str) -> Iterator[None]:
        """Keep a lease until the block ends."""
        with self._guard:
            self._kept[lease] = owner
            begins, self._runs = not self._runs, True
        if begins:
            threading.Thread(target=self._run, name="leases", daemon=True).start()
        try:
            yield
        finally:
            with self._guard:
                del self._kept[lease]
            # Whoever closes the database after the last block finds nobody at work in it.
            with self._renewing:
                pass

    def _run(self) -> None:
        while self._goes_on():
            with self._renewing:
                self._renew_kept()

    def _goes_on(self) -> bool:
        """Sleep, and tell whether there is still a lease."""
        time.sleep(self._every)
        with self._guard:
            self._runs = bool(self._kept)
            return self._runs

    def _renew_kept(self) -> None:
        with self._guard:
            kept = dict(self._kept)
        try:
            if kept:
                self._renew(kept)
        except SQLAlchemyError as error:
            # The next round comes before the leases are over.
            log.warning("leases.not_renewed", count=len(kept), error=repr(error))
