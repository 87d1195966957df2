"""A release on the schema of a newer one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.postgres import Postgres

from ragline.database import Database
from ragline.errors import ConfigurationError
from ragline.migrations.run import migrate


@pytest.fixture(params=["sqlite", "postgresql"])
def database(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database whose revision is unknown here."""
    url = f"sqlite:///{tmp_path / 'test.db'}"
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.new_database()
    with closing(Database(url)) as database:
        migrate(database)
        change(database, "UPDATE alembic_version SET version_num = 'later'")
        yield database


def change(database: Database, *statements: str) -> None:
    """Change the schema as a newer release would."""
    with database.engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def test_additions_are_no_hindrance(database: Database) -> None:
    """A schema with more than this release knows is left as it is, and can be worked on."""
    change(
        database,
        "CREATE TABLE later (id INTEGER NOT NULL)",
        "ALTER TABLE documents ADD COLUMN later TEXT",
        "ALTER TABLE jobs ADD COLUMN later INTEGER NOT NULL DEFAULT 0",
    )

    assert "later" == migrate(database)


def test_a_column_that_is_gone(database: Database) -> None:
    """A schema without what this release reads is refused with a sentence."""
    change(database, "ALTER TABLE documents DROP COLUMN filename")

    with pytest.raises(ConfigurationError, match=r"there is no column documents\.filename"):
        migrate(database)


def test_a_table_that_is_gone(database: Database) -> None:
    """A schema without a table of this release is refused: it may be another program's."""
    change(database, "DROP TABLE webhook_position")

    with pytest.raises(ConfigurationError, match=r"revision later.*no table webhook_position"):
        migrate(database)


def test_a_column_that_must_be_filled(postgres: Postgres) -> None:
    """A schema that wants what this release does not write is refused."""
    with closing(Database(postgres.new_database())) as database:
        migrate(database)
        change(
            database,
            "ALTER TABLE documents ADD COLUMN later TEXT NOT NULL",
            "UPDATE alembic_version SET version_num = 'later'",
        )
        with pytest.raises(ConfigurationError, match=r"documents\.later must be filled"):
            migrate(database)
