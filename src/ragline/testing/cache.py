"""What every cache of answers must do: inherit `AnswerCacheConformance` and give it a cache.

class TestMyCache(AnswerCacheConformance):
    @pytest.fixture
    def cache(self):
        return MyCache(...)

    @pytest.fixture
    def tenant_id(self):
        return "a tenant that the cache may keep answers of"
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from ragline.models import now
from ragline.providers.contracts import AnswerCache, KeptAnswer, KeptQuestion, Vectors

ANSWER: dict[str, Any] = {
    "answer": "Two years \u2028 – 200 kg, “été” \U0001f600 [1].",
    "citations": [{"page": 3, "score": 0.25, "quote": "two\nyears", "title": None}],
    "usage": {"cost": 1e-7, "cached": None},
}
DIMENSIONS = 16
HOUR = timedelta(hours=1)


def kept(
    tenant_id: str,
    name: str = "first",
    *,
    scope: str = "scope",
    projects: tuple[str, ...] = ("project",),
    at: datetime | None = None,
    answer: dict[str, Any] | None = None,
) -> KeptAnswer:
    """Return an answer to a question that a name stands for."""
    question = KeptQuestion(digest(name), f"{name}?", vector_of(name), at or now())
    return KeptAnswer(
        tenant_id, digest(scope), question, dict.fromkeys(projects, 3), answer or ANSWER
    )


def digest(name: str) -> str:
    """Return a key or a scope, as hashes look."""
    return hashlib.sha256(name.encode()).hexdigest()


def vector_of(name: str) -> Vectors:
    """Return a vector of length 1 that is the same for the same name."""
    seed = int.from_bytes(name.encode()[:8], "big")
    drawn = np.random.default_rng(seed).normal(size=DIMENSIONS).astype(np.float32)
    return drawn / np.linalg.norm(drawn)


class AnswerCacheConformance:
    """Tests of the contract `AnswerCache`; the fixture `cache` keeps answers for days."""

    def test_get(self, cache: AnswerCache, tenant_id: str) -> None:
        """An answer comes back as it was put."""
        cache.put(kept(tenant_id))

        assert ANSWER == cache.get(digest("first"))

    def test_unknown(self, cache: AnswerCache) -> None:
        """There is nothing where nothing was put."""
        assert cache.get(digest("unknown")) is None
        assert [] == cache.newest(digest("unknown"), since=None, limit=10)

    def test_replace(self, cache: AnswerCache, tenant_id: str) -> None:
        """A later answer under the same key takes the place of the former one."""
        cache.put(kept(tenant_id))
        cache.put(kept(tenant_id, answer={"answer": "Three years."}))

        assert {"answer": "Three years."} == cache.get(digest("first"))
        assert 1 == len(cache.newest(digest("scope"), since=None, limit=10))

    def test_newest(self, cache: AnswerCache, tenant_id: str) -> None:
        """A scope's questions come back with their vectors, newest first, and no others."""
        start = now() - HOUR
        for number, name in enumerate(("first", "second", "third")):
            cache.put(kept(tenant_id, name, at=start + timedelta(seconds=number)))
        cache.put(kept(tenant_id, "elsewhere", scope="another"))

        found = cache.newest(digest("scope"), since=None, limit=2)

        assert ["third?", "second?"] == [each.text for each in found]
        assert [digest("third"), digest("second")] == [each.key for each in found]
        assert np.array_equal(vector_of("third"), found[0].vector)

    def test_since(self, cache: AnswerCache, tenant_id: str) -> None:
        """Questions that were kept before a moment are left out; the moment is included."""
        start = now() - HOUR
        for number, name in enumerate(("first", "second", "third")):
            cache.put(kept(tenant_id, name, at=start + timedelta(seconds=number)))
        (newest,) = cache.newest(digest("scope"), since=None, limit=1)

        found = cache.newest(digest("scope"), since=newest.kept_at, limit=10)

        assert ["third?"] == [each.text for each in found]
        assert abs(newest.kept_at - start - timedelta(seconds=2)) < timedelta(milliseconds=1)

    def test_many(self, cache: AnswerCache, tenant_id: str) -> None:
        """Several hundred questions of a scope come back at once."""
        names = [f"{number}" for number in range(300)]
        for name in names:
            cache.put(kept(tenant_id, name))

        found = cache.newest(digest("scope"), since=None, limit=1000)

        assert {f"{name}?" for name in names} == {each.text for each in found}

    def test_forget(self, cache: AnswerCache, tenant_id: str) -> None:
        """Answers that rest on a project are removed and counted; others stay."""
        cache.put(kept(tenant_id, "alone", projects=("mine",)))
        cache.put(kept(tenant_id, "both", projects=("mine", "other")))
        cache.put(kept(tenant_id, "other", projects=("other",)))

        assert 2 == cache.forget("mine")
        assert 0 == cache.forget("mine")

        found = [cache.get(digest(name)) is not None for name in ("alone", "both", "other")]
        assert [False, False, True] == found
        assert 1 == len(cache.newest(digest("scope"), since=None, limit=10))

    def test_remove(self, cache: AnswerCache, tenant_id: str) -> None:
        """Answers under some keys are removed and counted; others stay."""
        for name in ("first", "second", "third"):
            cache.put(kept(tenant_id, name))

        assert 2 == cache.remove([digest("first"), digest("third"), digest("unknown")])

        found = [cache.get(digest(name)) is not None for name in ("first", "second", "third")]
        assert [False, True, False] == found
        assert ["second?"] == [
            each.text for each in cache.newest(digest("scope"), since=None, limit=10)
        ]

    def test_threads(self, cache: AnswerCache, tenant_id: str) -> None:
        """Several threads may keep and read answers at once, also under one key."""
        names = ["first", "second"] * 10

        def put_and_get(name: str) -> bool:
            cache.put(kept(tenant_id, name))
            return cache.get(digest(name)) is not None

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(put_and_get, names))

        assert cache.get(digest("first")) == cache.get(digest("second")) == ANSWER

    def test_close(self, cache: AnswerCache) -> None:
        """A cache may be closed twice."""
        cache.close()
        cache.close()
