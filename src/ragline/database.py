"""The database: one engine, two kinds of session, and the only commit in the program."""

from __future__ import annotations

import functools
import hashlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session

from ragline.errors import ConfigurationError, MissingPackage

WRITER_WAIT_SECONDS = 60.0
CONNECTIONS = 24
ENGINE_SCHEMA = "dbos"
"""Where the durable engine keeps its tables on PostgreSQL; on SQLite they stand beside ours."""
_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "BEGIN IMMEDIATE", "CREATE", "DROP", "ALTER")


LOCKED = {"key_share": True}
"""How rows are locked for a change on PostgreSQL: against other changes, but not against rows
that refer to them. Writing a row twice in a transaction locks what it refers to as well, so that
two children of a job, each holding it that way, would wait for each other with a stronger lock."""


class Database:
    """Hands out sessions; `write()` commits when its block ends without an error.

    On SQLite all writers of the process, the durable engine's included, queue on one
    lock before their transaction begins: SQLite's own busy handler sleeps and
    retries, which starves writers for seconds under load. On PostgreSQL writers run side
    by side: what must not, takes `lock` or the row it decides by.
    """

    def __init__(self, url: str, *, connections: int = CONNECTIONS) -> None:
        self.url = _parsed(url)
        backend = self.url.get_backend_name()
        if backend not in ("sqlite", "postgresql"):
            raise ConfigurationError(
                f"Ragline keeps its state in SQLite or PostgreSQL, not in {backend!r}: set "
                "RAGLINE_DATABASE_URL to postgresql+psycopg://… or unset it."
            )
        self.is_sqlite = backend == "sqlite"
        self._writing = threading.local()
        self.engine = (
            _sqlite_engine(self.url, connections)
            if self.is_sqlite
            else _postgresql_engine(self.url, connections)
        )

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session for queries; nothing it changes is kept."""
        with Session(self.engine, autoflush=False, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session whose changes are kept as one when its block ends.

        On SQLite it is the only writer until then, so that it can read, decide and write. A
        block inside another one of the same thread is part of it.
        """
        outer: Session | None = getattr(self._writing, "session", None)
        if outer is not None:
            yield outer
            outer.flush()
            return
        with Session(self.engine, expire_on_commit=False) as session:
            if self.is_sqlite:
                session.connection().exec_driver_sql("BEGIN IMMEDIATE")
            self._writing.session = session
            try:
                yield session
            finally:
                self._writing.session = None
            session.commit()

    def lock(self, session: Session, *names: str) -> None:
        """Let no other writing block hold one of these names until this one has ended."""
        if self.is_sqlite or not names:
            return  # on SQLite a writing block is alone already
        # Always in the same order, or two could wait for each other.
        numbers = sorted(_lock_number(name) for name in names)
        session.execute(_ADVISORY_LOCKS, {"numbers": numbers})

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _parsed(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except sa.exc.ArgumentError:
        raise ConfigurationError(
            "RAGLINE_DATABASE_URL is no URL of a database: write "
            "postgresql+psycopg://user:password@host/database, or unset it."
        ) from None


def insert_new(session: Session, *instances: DeclarativeBase) -> None:
    """Insert new rows of one table at once, with the defaults of their columns.

    The session's own way of doing so costs several times as much as the statement. The
    instances are given their defaults, but do not become part of the session.
    """
    if not instances:
        return
    statement, names, defaults = _inserting(type(instances[0]))
    for instance in instances:
        for name, default in defaults:
            if getattr(instance, name) is None:
                setattr(instance, name, default())
    rows = [{column: getattr(each, name) for column, name in names} for each in instances]
    session.connection().execute(statement, rows if len(rows) > 1 else rows[0])


@functools.cache
def _inserting(
    table: type[DeclarativeBase],
) -> tuple[sa.Insert, list[tuple[str, str]], list[tuple[str, Callable[[], Any]]]]:
    """Return a table's insert, its columns with their attributes, and how defaults are made."""
    rows = table.__table__
    assert isinstance(rows, sa.Table), "our models are tables"
    names: list[tuple[str, str]] = []
    defaults: list[tuple[str, Callable[[], Any]]] = []
    attribute_of = {column.name: key for key, column in table.__mapper__.columns.items()}
    for column in rows.columns:
        default, name = column.default, attribute_of[column.name]
        if (default is not None and default.is_clause_element) or _is_counted(column):
            continue  # the database makes it
        names.append((column.key, name))
        if default is not None and default.is_scalar:
            defaults.append((name, functools.partial(_value, default.arg)))
        elif default is not None and default.is_callable:
            defaults.append((name, functools.partial(default.arg, None)))
    return sa.insert(rows), names, defaults


def _is_counted(column: sa.Column[Any]) -> bool:
    return column is column.table.autoincrement_column


def _value(value: Any) -> Any:
    return value


def insert_missing(
    session: Session, table: type[DeclarativeBase], rows: Sequence[dict[str, Any]]
) -> None:
    """Insert rows, leaving those as they are whose key is there already."""
    if not rows:
        return
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    session.execute(dialect.insert(table).on_conflict_do_nothing(), rows)


_ADVISORY_LOCKS = sa.text(
    "SELECT pg_advisory_xact_lock(number) FROM unnest(CAST(:numbers AS bigint[])) AS number"
)


def _lock_number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


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


def _postgresql_engine(url: sa.URL, connections: int) -> sa.Engine:
    try:
        engine = sa.create_engine(
            url,
            connect_args={"connect_timeout": 10, "application_name": "ragline"},
            pool_size=connections,
            max_overflow=0,
            # A connection that the server closed meanwhile is replaced, not handed out.
            pool_pre_ping=True,
            pool_timeout=30,
        )
    except ModuleNotFoundError:
        raise MissingPackage(
            "PostgreSQL needs a driver: pip install 'ragline[postgresql]', and a URL that "
            "begins with postgresql+psycopg://."
        ) from None

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        # Our queries name the engine's tables as on SQLite, without their schema.
        connection.execute(f"SET search_path TO public, {ENGINE_SCHEMA}")
        connection.commit()

    return engine


def _sqlite_engine(url: sa.URL, connections: int) -> sa.Engine:
    engine = sa.create_engine(
        url,
        connect_args={
            "factory": _QueuedConnection,
            "isolation_level": "IMMEDIATE",
            "check_same_thread": False,
            "timeout": 30,
        },
        pool_size=connections,
        max_overflow=connections,
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
