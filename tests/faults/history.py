"""What clients sent and were answered, kept outside the program under test."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Sent:
    """A request and what became of it: an answer, or the error of its connection.

    `about` says what it was for, such as the hash of what was uploaded or the key it bore.
    """

    action: str
    server: str
    at: float
    about: dict[str, Any]
    ended: float | None = None
    status: int | None = None
    answer: Any = None
    error: str | None = None

    @property
    def is_broken(self) -> bool:
        """Whether its connection ended without an answer."""
        return self.error is not None

    @property
    def job_id(self) -> str | None:
        """The job in the answer."""
        job = self.answer.get("job") if isinstance(self.answer, dict) else None
        return str(job["id"]) if isinstance(job, dict) else None

    @property
    def document_ids(self) -> list[str]:
        """The documents in the answer."""
        found = self.answer.get("documents", []) if isinstance(self.answer, dict) else []
        return [document["id"] for document in found]


@dataclass
class History:
    """All requests in the order in which they were sent."""

    sent: list[Sent] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def sending(self, action: str, server: str, **about: Any) -> Iterator[Sent]:
        """Note a request for as long as it is under way; the block fills in what came of it."""
        entry = Sent(action, server, time.time(), about)
        with self._lock:
            self.sent.append(entry)
        try:
            yield entry
        finally:
            entry.ended = time.time()

    def open_to(self, server: str) -> list[Sent]:
        """Return the requests that wait for a server's answer."""
        with self._lock:
            return [each for each in self.sent if each.ended is None and each.server == server]

    def accepted(self) -> list[Sent]:
        """Return the requests that were answered with 202."""
        with self._lock:
            return [each for each in self.sent if each.status == 202]

    def of(self, *actions: str) -> list[Sent]:
        """Return the requests of some kinds."""
        with self._lock:
            return [each for each in self.sent if each.action in actions]

    def counts(self) -> Counter[str]:
        """Return how many requests there were by kind and answer."""
        with self._lock:
            return Counter(
                f"{each.action} {each.status or ('broken' if each.error else 'open')}"
                for each in self.sent
            )
