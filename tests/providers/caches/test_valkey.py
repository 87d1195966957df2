"""Answers kept in Valkey."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import valkey as client
from tests.valkeys import ValkeyServer

from ragline.errors import TemporaryProviderError
from ragline.models import now
from ragline.providers.best_effort import BestEffortCache
from ragline.providers.caches.valkey import ValkeyAnswerCache
from ragline.testing.cache import ANSWER, AnswerCacheConformance, digest, kept

PATIENCE_SECONDS = 20.0


@pytest.fixture
def tenant_id() -> str:
    """A tenant."""
    return "tenant"


@pytest.fixture
def url(valkey: ValkeyServer) -> Iterator[str]:
    """The address of an empty database."""
    yield valkey.url
    with client.Valkey.from_url(valkey.url) as connection:
        connection.flushall()


@pytest.fixture
def cache(url: str) -> Iterator[ValkeyAnswerCache]:
    """A cache that waits long, as this machine may be busy."""
    made = cache_at(url)
    yield made
    made.close()


def cache_at(url: str, **changes: Any) -> ValkeyAnswerCache:
    """Return a cache with some settings of its own."""
    return ValkeyAnswerCache(url, **{"hours": 48, "timeout_seconds": PATIENCE_SECONDS} | changes)


class TestValkeyAnswerCache(AnswerCacheConformance):
    """The contract."""


def test_time_to_live(url: str, cache: ValkeyAnswerCache) -> None:
    """Everything that is written goes away by itself after as many hours as are set."""

    cache.put(kept("tenant"))

    with client.Valkey.from_url(url) as connection:
        names = connection.keys("*")
        lives = [connection.ttl(name) for name in names]
    assert 4 == len(names)
    assert all(48 * 3600 - 600 < seconds <= 48 * 3600 for seconds in lives)


def test_most_of_a_tenant(url: str) -> None:
    """The oldest answers of a tenant make room for new ones; other tenants keep theirs."""

    cache = cache_at(url, most_of_a_tenant=3)
    start = now()
    cache.put(kept("other", "theirs", at=start))
    for number in range(5):
        cache.put(kept("tenant", str(number), at=start + timedelta(seconds=number)))

    names = ["theirs", *map(str, range(5))]
    assert [True, False, False, True, True, True] == [
        cache.get(digest(name)) is not None for name in names
    ]
    cache.close()


def test_no_answer(url: str, cache: ValkeyAnswerCache) -> None:
    """What another program wrote there is no answer."""

    with client.Valkey.from_url(url) as connection:
        for name, content in (("list", "[1]"), ("text", "{"), ("bytes", b"\xff")):
            connection.hset(f"ragline:answer:{digest(name)}", "answer", content)

    assert [None] * 3 == [cache.get(digest(name)) for name in ("list", "text", "bytes")]


def test_down(url: str) -> None:
    """A server that is down is a temporary error of the adapter, and a miss behind it."""

    cache = cache_at("valkey://127.0.0.1:1/0")

    with pytest.raises(TemporaryProviderError, match="RAGLINE_CACHE_URL"):
        cache.get(digest("first"))
    assert BestEffortCache(cache).get(digest("first")) is None
    cache.close()


def test_hanging(valkey: ValkeyServer, url: str) -> None:
    """A server that hangs is given up after the time that is set, and has the answer later."""

    patient, hasty = cache_at(url), cache_at(url, timeout_seconds=0.05)
    patient.put(kept("tenant"))
    with valkey.halted(), pytest.raises(TemporaryProviderError):
        hasty.get(digest("first"))

    assert ANSWER == patient.get(digest("first"))
    patient.close()
    hasty.close()


def test_late_answer(valkey: ValkeyServer, url: str) -> None:
    """What arrives after the time was up is not taken for the answer to the next call."""

    cache = cache_at(url)
    cache.put(kept("tenant"))
    cache.put(kept("tenant", "second", answer={"answer": "second"}))
    hasty = cache_at(url, timeout_seconds=0.05)
    with valkey.halted():
        for _ in range(3):
            with pytest.raises(TemporaryProviderError):
                hasty.get(digest("first"))

    deadline = time.monotonic() + PATIENCE_SECONDS
    found = None
    while found is None and time.monotonic() < deadline:
        try:
            found = hasty.get(digest("second"))
        except TemporaryProviderError:
            continue  # busy machine

    assert {"answer": "second"} == found
    cache.close()
    hasty.close()


def test_wrong_password(url: str) -> None:
    """A server that refuses is as good as none."""

    cache = cache_at(url.replace("//", "//user:wrong@"))

    with pytest.raises(TemporaryProviderError):
        cache.get(digest("first"))
    cache.close()


def test_several_processes(url: str) -> None:
    """What one process keeps, another one is given."""

    one, other = cache_at(url), cache_at(url)
    one.put(kept("tenant", "first"))

    assert ANSWER == other.get(digest("first"))
    one.close()
    other.close()
