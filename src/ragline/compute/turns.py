"""Who uses a child next: tenants take turns, so that nobody's backlog holds up another."""

from __future__ import annotations

import itertools
import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass
class _Waiter(Generic[T]):
    served: threading.Event = field(default_factory=threading.Event)
    thing: T | None = None


class Turns(Generic[T]):
    """Hands out a fixed set of things to callers who each belong to a share.

    The share that holds the fewest comes next; among equals, the one served longest ago;
    within a share, first come, first served. A share that is alone gets everything.
    """

    def __init__(self, things: Sequence[T]) -> None:
        # Last in, first out: a quiet server keeps one child busy, not all of them.
        self._idle = list(things)
        self._waiting: dict[str, deque[_Waiter[T]]] = {}
        self._held: Counter[str] = Counter()
        # When shares that hold or want something were served last, counted in servings.
        self._served: dict[str, int] = {}
        self._servings = itertools.count(1)
        self._shares: dict[int, str] = {}
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many callers wait for their turn."""
        with self._lock:
            return sum(len(queue) for queue in self._waiting.values())

    def take(self, share: str) -> T:
        """Return one of the things; wait for this share's turn while all are held."""
        with self._lock:
            if self._idle:
                thing = self._idle.pop()
                self._hold(thing, share)
                return thing
            waiter = _Waiter[T]()
            self._waiting.setdefault(share, deque()).append(waiter)
        waiter.served.wait()
        assert waiter.thing is not None, "whoever is served was given something"
        return waiter.thing

    def give_back(self, thing: T) -> None:
        """Take a thing back and hand it to whoever comes next."""
        with self._lock:
            share = self._shares.pop(id(thing))
            self._held[share] -= 1
            if not self._held[share]:
                del self._held[share]
                if share not in self._waiting:
                    del self._served[share]
            if not self._waiting:
                self._idle.append(thing)
                return
            share = min(self._waiting, key=self._precedence)
            waiter = self._waiting[share].popleft()
            if not self._waiting[share]:
                del self._waiting[share]
            self._hold(thing, share)
            waiter.thing = thing
            waiter.served.set()

    def _precedence(self, share: str) -> tuple[int, int]:
        return self._held.get(share, 0), self._served.get(share, 0)

    def _hold(self, thing: T, share: str) -> None:
        self._held[share] += 1
        self._served[share] = next(self._servings)
        self._shares[id(thing)] = share
