"""Near questions, found in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ragline.chat.cache.near import MOST_OF_A_SCOPE, NearQuestions
from ragline.database import Database
from ragline.migrations.run import migrate
from ragline.models import Tenant, now
from ragline.providers.best_effort import BestEffortCache
from ragline.providers.caches.database import DatabaseAnswerCache
from ragline.providers.contracts import KeptQuestion
from ragline.testing.cache import digest, kept, vector_of

SCOPE = digest("scope")


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[BestEffortCache]:
    """A cache in a database."""
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    migrate(database)
    with database.write() as session:
        session.add(Tenant(id="tenant", name="tenant"))
    yield BestEffortCache(DatabaseAnswerCache(database, hours=48))
    database.close()


def near(questions: NearQuestions, name: str, scope: str = SCOPE) -> list[str]:
    """Return the questions that are nearly that of a name."""
    found = questions.near(scope, lambda: vector_of(name), similarity=0.97)
    return [each.text for each in found]


def test_near(cache: BestEffortCache) -> None:
    """A question is found by a vector like its own, and by no other."""

    cache.put(kept("tenant", "first"))
    cache.put(kept("tenant", "second"))
    questions = NearQuestions(cache)

    assert ["first?"] == near(questions, "first")
    assert [] == near(questions, "third")


def test_what_others_keep(cache: BestEffortCache) -> None:
    """What is kept after a look is found by the next one."""

    questions = NearQuestions(cache)
    assert [] == near(questions, "first")
    cache.put(kept("tenant", "first"))
    assert ["first?"] == near(questions, "first")
    # By a clock that is a little late.
    cache.put(kept("tenant", "second", at=now() - timedelta(seconds=2)))

    assert ["second?"] == near(questions, "second")


def test_other_scope(cache: BestEffortCache) -> None:
    """Nothing is found in another scope."""

    cache.put(kept("tenant", "first", scope="another"))

    assert [] == near(NearQuestions(cache), "first")


def test_nothing_to_compare_with(cache: BestEffortCache) -> None:
    """Where nothing is kept, no vector is made."""

    def never() -> np.ndarray:
        raise AssertionError("there is nothing to compare with")

    assert [] == NearQuestions(cache).near(SCOPE, never, similarity=0.9)


def test_forget(cache: BestEffortCache) -> None:
    """A question whose answer is gone is not found again."""

    cache.put(kept("tenant", "first"))
    cache.put(kept("tenant", "second"))
    questions = NearQuestions(cache)
    near(questions, "first")
    cache.forget("project")
    for name in ("first", "second", "unknown"):
        questions.forget(SCOPE, digest(name))

    assert [] == near(questions, "first")


def test_nearest_first(cache: BestEffortCache) -> None:
    """The nearest question comes first."""

    for name in ("first", "second"):
        cache.put(kept("tenant", name))
    middle = 0.9 * vector_of("second") + 0.5 * vector_of("first")

    found = NearQuestions(cache).near(SCOPE, lambda: middle, similarity=-1.0)

    assert ["second?", "first?"] == [each.text for each in found]


class ManyQuestions:
    """A cache with any number of questions in each scope; it counts the times it is read."""

    def __init__(self, count: int) -> None:
        self.reads = 0
        self._start = now() - timedelta(hours=1)
        self._count = count

    def newest(self, scope: str, *, since: datetime | None, limit: int) -> list[KeptQuestion]:
        """Return the questions of a scope, newest first."""
        self.reads += since is None
        return [
            KeptQuestion(f"{scope}{n}", f"{n}", vector_of(f"{n}"), self._start + timedelta(0, n))
            for n in reversed(range(self._count))
            if since is None or self._start + timedelta(0, n) >= since
        ][:limit]


def test_most_of_a_scope() -> None:
    """The newest 2,000 questions of a scope are looked through."""

    many = ManyQuestions(MOST_OF_A_SCOPE + 5)
    questions = NearQuestions(many)  # type: ignore[arg-type]  # it has all that is called

    assert [] == near(questions, "4")
    assert ["5"] == near(questions, "5")


def test_most_in_memory() -> None:
    """Scopes that were not asked for lately are read again."""

    many = ManyQuestions(4)
    questions = NearQuestions(many, most=10)  # type: ignore[arg-type]  # it has all that is called
    for scope in ("a", "b", "a", "c", "a", "b"):
        assert ["1"] == near(questions, "1", scope)

    assert 4 == many.reads
