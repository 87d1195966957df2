"""A cache that may be away."""

from __future__ import annotations

from typing import Any

from ragline.errors import TemporaryProviderError
from ragline.providers.best_effort import REST_SECONDS, BestEffortCache
from ragline.testing.cache import ANSWER, digest, kept


class Moody:
    """A cache that can be away; it counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.is_away = True

    def _called(self, answer: Any) -> Any:
        self.calls += 1
        if self.is_away:
            raise TemporaryProviderError("It is away.")
        return answer

    def get(self, _key: str) -> dict[str, Any] | None:
        """Return an answer."""
        return dict(self._called(ANSWER))

    def newest(self, _scope: str, **_: Any) -> Any:
        """Return no questions."""
        return self._called([])

    def put(self, _kept: Any) -> None:
        """Keep nothing."""
        self._called(None)

    def forget(self, _project_id: str) -> int:
        """Remove 3."""
        return int(self._called(3))

    def close(self) -> None:
        """Do nothing."""


def test_away() -> None:
    """A cache that is away has nothing, takes nothing and is not asked again at once."""

    moody = Moody()
    cache = BestEffortCache(moody, clock=lambda: 100.0)  # type: ignore[arg-type]  # never opened

    assert cache.get("key") is None
    assert [] == cache.newest("scope", since=None, limit=1)
    cache.put(kept("tenant"))
    assert 0 == cache.forget("project")
    assert 1 == moody.calls


def test_back() -> None:
    """After some seconds it is asked again."""

    moody, times = Moody(), [100.0]
    cache = BestEffortCache(moody, clock=lambda: times[-1])  # type: ignore[arg-type]  # as above
    cache.get("key")
    moody.is_away = False
    times.append(100.0 + REST_SECONDS)

    assert ANSWER == cache.get(digest("first"))
    assert 3 == cache.forget("project")
