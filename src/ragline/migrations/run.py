"""Bring a database's schema up to date."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from ragline.database import Database

LOCK_NUMBER = 7_262_831
"""The advisory lock that migrators of one PostgreSQL database queue on."""


def migrate(database: Database) -> str:
    """Apply the missing migrations; return the revision the schema has then."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with database.engine.begin() as connection:
        # One migrator at a time: the lock is held until the last migration is committed.
        if database.is_sqlite:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({LOCK_NUMBER})"))
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
