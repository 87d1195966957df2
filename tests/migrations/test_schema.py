"""The migrations and the models say the same."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from ragline.database import Database
from ragline.migrations.run import migrate
from ragline.models import Base


def differences(database: Database) -> list[object]:
    """Return what a migration would have to change to reach the models."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return list(compare_metadata(context, Base.metadata))


def test_schema_equals_models(tmp_path: Path) -> None:
    """A migrated database has the tables of the models, column by column."""

    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    migrate(database)
    found = differences(database)
    database.close()

    assert [] == found


def test_migrating_twice(tmp_path: Path) -> None:
    """A second migration changes nothing."""

    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    first, second = migrate(database), migrate(database)
    database.close()

    assert first == second
