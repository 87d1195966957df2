"""Bring a database's schema up to date."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from ragline.database import Database


def migrate(database: Database) -> str:
    """Apply the missing migrations; return the revision the schema has then."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with database.engine.begin() as connection:
        # One migrator at a time: the lock is held until the last migration is committed.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return str(connection.scalar(sa.text("SELECT version_num FROM alembic_version")))
