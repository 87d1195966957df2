"""A cache that is away is no error: it has nothing, and takes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import structlog

from ragline.errors import TemporaryProviderError
from ragline.providers.contracts import AnswerCache, KeptAnswer, KeptQuestion

T = TypeVar("T")
REST_SECONDS = 5.0

log = structlog.get_logger()


class BestEffortCache:
    """Asks a cache that may be away, and for some seconds after a failure does not ask it.

    So a server that hangs costs one question its time-out, not every question.
    """

    def __init__(self, cache: AnswerCache, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._cache = cache
        self._clock = clock
        self._rests_until = 0.0

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the answer under a key, None where it cannot be had."""
        return self._tried(lambda: self._cache.get(key), None)

    def newest(self, scope: str, *, since: datetime | None, limit: int) -> list[KeptQuestion]:
        """Return a scope's questions, none where they cannot be had."""
        return self._tried(lambda: self._cache.newest(scope, since=since, limit=limit), [])

    def put(self, kept: KeptAnswer) -> None:
        """Keep an answer if that is possible."""
        self._tried(lambda: self._cache.put(kept), None)

    def forget(self, project_id: str) -> int:
        """Remove the answers that rest on a project; those that stay are never given again."""
        return self._tried(lambda: self._cache.forget(project_id), 0)

    def remove(self, keys: Sequence[str]) -> int:
        """Remove answers by their keys; those that stay are forgotten with time."""
        return self._tried(lambda: self._cache.remove(keys), 0) if keys else 0

    def close(self) -> None:
        """Close the cache."""
        self._cache.close()

    def _tried(self, call: Callable[[], T], otherwise: T) -> T:
        if self._clock() < self._rests_until:
            return otherwise
        try:
            return call()
        except TemporaryProviderError as error:
            self._rests_until = self._clock() + REST_SECONDS
            log.warning("cache.away", error=error.message, rest_seconds=REST_SECONDS)
            return otherwise
