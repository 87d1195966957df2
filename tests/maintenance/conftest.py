"""Databases with the whole schema, of each kind, and rows to keep or to remove."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import postgres
from tests.maintenance.rows import Rows, settings

from ragline.database import Database
from ragline.engine.engine import Engine
from ragline.migrations.run import migrate


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Postgres]:
    """A PostgreSQL for all tests of this folder."""
    with postgres.running(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database with our tables and the engine's, on each kind of database."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path / 'test.db'}"
    else:
        address = request.getfixturevalue("cluster").new_database()
    fresh = Database(address)
    migrate(fresh)
    engine = Engine(fresh, settings())
    engine.migrate()
    engine.close()
    yield fresh
    fresh.close()


@pytest.fixture
def rows(database: Database) -> Rows:
    """What adds rows to the database."""
    return Rows(database)
