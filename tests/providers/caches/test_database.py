"""Answers kept in the database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.postgres import Postgres

from ragline.database import Database
from ragline.migrations.run import migrate
from ragline.models import Tenant, now
from ragline.providers.caches.database import DatabaseAnswerCache
from ragline.testing.cache import AnswerCacheConformance, digest, kept


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of each kind, with two tenants."""
    url = f"sqlite:///{tmp_path / 'test.db'}"
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.new_database()
    made = Database(url)
    migrate(made)
    with made.write() as session:
        session.add_all([Tenant(id="tenant", name="tenant"), Tenant(id="other", name="other")])
    yield made
    made.close()


@pytest.fixture
def tenant_id() -> str:
    """A tenant of the database."""
    return "tenant"


@pytest.fixture
def cache(database: Database) -> DatabaseAnswerCache:
    """A cache that keeps answers for days."""
    return DatabaseAnswerCache(database, hours=48)


class TestDatabaseAnswerCache(AnswerCacheConformance):
    """The contract."""


def test_too_old(cache: DatabaseAnswerCache) -> None:
    """An answer that is older than what is set is not given, though its row is still there."""

    cache.put(kept("tenant", "old", at=now() - timedelta(hours=49)))
    cache.put(kept("tenant", "young", at=now() - timedelta(hours=47)))

    assert [False, True] == [cache.get(digest(name)) is not None for name in ("old", "young")]
    assert ["young?"] == [each.text for each in cache.newest(digest("scope"), since=None, limit=9)]


def test_most_of_a_tenant(database: Database) -> None:
    """The oldest answers of a tenant make room for new ones; other tenants keep theirs."""

    cache = DatabaseAnswerCache(database, hours=48, most_of_a_tenant=3)
    start = now() - timedelta(minutes=1)
    cache.put(kept("other", "theirs", at=start))
    for number in range(5):
        cache.put(kept("tenant", str(number), at=start + timedelta(seconds=number)))

    names = ["theirs", *map(str, range(5))]
    assert [True, False, False, True, True, True] == [
        cache.get(digest(name)) is not None for name in names
    ]
