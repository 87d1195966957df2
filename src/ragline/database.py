"""The database: one engine, two kinds of session, and the only commit in the program."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.errors import ConfigurationError

WRITER_WAIT_SECONDS = 60.0
POOL_SIZE = 24
_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "BEGIN IMMEDIATE", "CREATE", "DROP", "ALTER")


class Database:
    """Hands out sessions; `write()` commits when its block ends without an error.

    On SQLite all writers of the process, the durable engine's included, queue on one
    lock before their transaction begins: SQLite's own busy handler sleeps and
    retries, which starves writers for seconds under load.
    """

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if not self.is_sqlite:
            raise ConfigurationError(
                "This version of Ragline keeps its state in SQLite only: "
                "unset RAGLINE_DATABASE_URL and start again."
            )
        self.engine = _sqlite_engine(self.url)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session for queries; nothing it changes is kept."""
        with Session(self.engine, autoflush=False, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session that is the only writer until its block ends, then commit it."""
        with Session(self.engine, expire_on_commit=False) as session:
            # Taking the lock up front lets the block read, decide and write as one.
            session.connection().exec_driver_sql("BEGIN IMMEDIATE")
            yield session
            session.commit()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


class _QueuedConnection(sqlite3.Connection):
    """A connection that holds the writers' lock from its first write to its end."""

    writers: threading.Lock | None = None
    holds_lock = False

    def enter(self, writers: threading.Lock) -> None:
        if not writers.acquire(timeout=WRITER_WAIT_SECONDS):
            raise sqlite3.OperationalError("database is locked: a writer did not finish in time")
        self.writers, self.holds_lock = writers, True

    def leave(self) -> None:
        if self.holds_lock and self.writers is not None:
            self.holds_lock = False
            self.writers.release()

    def commit(self) -> None:
        try:
            super().commit()
        except sqlite3.Error:
            # SQLAlchemy takes a failed commit for the end; SQLite leaves the transaction open.
            self.rollback()
            raise
        self.leave()

    def rollback(self) -> None:
        try:
            super().rollback()
        finally:
            self.leave()

    def close(self) -> None:
        try:
            super().close()
        finally:
            self.leave()


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(
        url,
        connect_args={
            "factory": _QueuedConnection,
            "isolation_level": "IMMEDIATE",
            "check_same_thread": False,
            "timeout": 30,
        },
        pool_size=POOL_SIZE,
        max_overflow=POOL_SIZE,
    )
    writers = threading.Lock()

    @sa.event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.execute("PRAGMA cache_size=-16000")

    @sa.event.listens_for(engine, "before_cursor_execute")
    def queue_writers(
        connection: sa.Connection, _cursor: object, statement: str, *_rest: Any
    ) -> None:
        if not statement.lstrip()[:16].upper().startswith(_WRITES):
            return
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, _QueuedConnection)
        if not raw.holds_lock:
            raw.enter(writers)

    return engine
