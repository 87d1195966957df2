"""Migrating beside processes that work."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from tests.postgres import Postgres

from ragline.database import Database
from ragline.migrations import run

SECONDS = 30
_WAITING = sa.text(
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'jobs'::regclass"
)


def make_first_schema(database: Database) -> None:
    """Leave a database as the first release made it."""
    config = Config()
    config.set_main_option("script_location", str(Path(run.__file__).parent))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")


def test_a_migrator_gives_way(postgres: Postgres) -> None:
    """While a table is in use its migration waits, and keeps nobody else from the table."""
    with closing(Database(postgres.new_database())) as database, ThreadPoolExecutor() as pool:
        make_first_schema(database)
        with database.engine.begin() as user:
            user.execute(sa.text("LOCK TABLE jobs IN ROW EXCLUSIVE MODE"))
            migrated = pool.submit(run.migrate, database)
            deadline = time.monotonic() + SECONDS
            with database.engine.connect() as other:
                while not other.scalar(_WAITING):
                    assert time.monotonic() < deadline, "the migrator does not wait"
                    other.rollback()
                other.execute(sa.text(f"SET statement_timeout = '{SECONDS}s'"))
                # It would queue behind a migrator that stayed.
                assert 0 == other.scalar(sa.text("SELECT count(*) FROM jobs"))
            assert not migrated.done()

        assert run.migrate(database) == migrated.result()
