"""Bring a database's schema up to date."""

from __future__ import annotations

import time
from pathlib import Path

import sqlalchemy as sa
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError

from ragline.database import Database
from ragline.errors import ConfigurationError
from ragline.migrations.newer import require_usable

LOCK_NUMBER = 7_262_831
"""The advisory lock that migrators of one PostgreSQL database queue on."""
LOCK_WAIT = "SET LOCAL lock_timeout = '500ms'"
"""While a migrator waits for a table everybody else waits behind it; it also holds the tables
that it has changed, so that it and a writer could wait for each other. Rather it gives way."""
GIVES_WAY = ("55P03", "40P01")
SECONDS = 60.0

log = structlog.get_logger()


def migrate(database: Database) -> str:
    """Apply the missing migrations; return the revision the schema has then.

    A schema that a newer release made is left as it is.

    Raises:
        ConfigurationError: this release cannot work on the schema, or cannot change it now.
    """
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return _migrate(database)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in GIVES_WAY:
                raise
        if time.monotonic() > deadline:
            raise ConfigurationError(
                f"The schema could not be changed: its tables were in use for {SECONDS:.0f} s "
                "without a gap. Try again, or stop what holds them."
            )
        log.info("migration.gave_way")


def _migrate(database: Database) -> str:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with database.engine.begin() as connection:
        # One migrator at a time: the lock is held until the last migration is committed.
        if database.is_sqlite:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({LOCK_NUMBER})"))
            connection.exec_driver_sql(LOCK_WAIT)
        revision = MigrationContext.configure(connection).get_current_revision()
        scripts = ScriptDirectory.from_config(config)
        if revision is not None and revision not in {
            script.revision for script in scripts.walk_revisions()
        }:
            require_usable(connection, revision)
            log.warning("schema.newer", revision=revision, known=scripts.get_current_head())
            return revision
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if not database.is_sqlite:
            for statement in _FOREIGN_TRANSACTIONS:
                connection.execute(statement)
        return str(connection.scalar(sa.text("SELECT version_num FROM alembic_version")))


# A dump that is restored elsewhere brings ids of transactions which that server has yet to hand
# out: readers would take these events for unfinished ones. No row that is seen can bear one.
_NOT_BEGUN = sa.text("CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)")
_FOREIGN_TRANSACTIONS = [
    sa.update(sa.table(table, sa.column(column)))
    .where(sa.column(column) >= _NOT_BEGUN)
    .values({column: 0})
    for table, column in (
        ("events", "transaction_id"),
        ("webhook_position", "transaction_id"),
        ("webhook_endpoints", "after_transaction"),
    )
]
