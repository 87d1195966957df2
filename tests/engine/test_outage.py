"""What counts as a database that is away, on real databases; and waiting for it."""

from __future__ import annotations

import errno
import sqlite3
import threading
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from tests.postgres import Postgres

from ragline.engine.courtesy import Courtesy
from ragline.engine.outage import is_outage
from ragline.engine.step_gate import StepGate
from ragline.errors import Stopping, UnreadableFile


def failure(url: str, statement: str) -> DBAPIError:
    """Return the error that a statement meets."""
    engine = sa.create_engine(url)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
    except DBAPIError as error:
        return error
    finally:
        engine.dispose()
    raise AssertionError("it did not fail")


def test_server_ends_the_connection(postgres: Postgres) -> None:
    """A connection that the server's administrator ends is an outage."""
    error = failure(postgres.url(), "SELECT pg_terminate_backend(pg_backend_pid())")

    assert is_outage(error)


def test_nobody_listens(postgres: Postgres) -> None:
    """A server that cannot be reached is an outage."""
    url = postgres.url().replace(f":{postgres.port}/", ":1/")

    assert is_outage(failure(url, "SELECT 1"))


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT * FROM no_such_table", False),
        ("SELECT 1/0", False),
        ("SELECT 'x'::int", False),
        ("SET statement_timeout = 1; SELECT pg_sleep(5)", False),
    ],
)
def test_wrong_statements(postgres: Postgres, statement: str, expected: bool) -> None:
    """A statement that will never succeed is no outage."""

    assert expected == is_outage(failure(postgres.url(), statement))


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.DeadlockDetected,
        psycopg.errors.SerializationFailure,
        psycopg.errors.TooManyConnections,
        psycopg.errors.DiskFull,
        psycopg.errors.AdminShutdown,
        psycopg.errors.CannotConnectNow,
        psycopg.errors.ConnectionFailure,
    ],
)
def test_states_of_postgres(error: type[psycopg.Error]) -> None:
    """What PostgreSQL calls temporary is waited for."""

    assert is_outage(OperationalError("SELECT 1", {}, error("x")))


@pytest.mark.parametrize(
    "words", ["database is locked", "database or disk is full", "disk I/O error"]
)
def test_words_of_sqlite(words: str) -> None:
    """So is what SQLite says of a disk that is full or a file that is locked."""

    assert is_outage(OperationalError("SELECT 1", {}, sqlite3.OperationalError(words)))


def test_sqlite_locked(tmp_path: Path) -> None:
    """A SQLite file that another process holds is an outage."""
    path = tmp_path / "rows.db"
    with sqlite3.connect(path, isolation_level=None) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        error = failure(f"sqlite:///{path}?timeout=0.01", "CREATE TABLE a (b)")
    holder.close()

    assert is_outage(error)


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("x", {}, sqlite3.OperationalError("no such table: jobs")),
        ProgrammingError("x", {}, psycopg.errors.UndefinedTable("x")),
        IntegrityError("x", {}, sqlite3.IntegrityError("UNIQUE constraint failed")),
        UnreadableFile("the connection between the pages is lost"),
        OSError(errno.ENOENT, "connection"),
        ValueError("connection"),
    ],
)
def test_no_outage(error: Exception) -> None:
    """An error in what we do or are given is no outage, whatever its words."""

    assert not is_outage(error)


@pytest.mark.parametrize(
    "error", [PoolTimeout("x"), OSError(errno.ENOSPC, "full"), OSError(errno.EDQUOT, "quota")]
)
def test_other_outages(error: Exception) -> None:
    """A pool without a free connection and a full disk are outages."""

    assert is_outage(error)


def test_waiting() -> None:
    """A step that meets an outage is made again until it succeeds."""
    tries: list[int] = []

    def flaky() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise OSError(errno.ENOSPC, "full")
        return len(tries)

    assert 3 == StepGate(Courtesy()).guarded(flaky)()


def test_waiting_ends_with_the_process() -> None:
    """A step that waits for a database stops when the process is to end."""
    gate = StepGate(Courtesy())
    waiting = threading.Event()
    ended: list[type[BaseException]] = []

    def away() -> None:
        waiting.set()
        raise OSError(errno.ENOSPC, "full")

    def run() -> None:
        try:
            gate.guarded(away)()
        except Stopping as error:
            ended.append(type(error))

    thread = threading.Thread(target=run)
    thread.start()
    assert waiting.wait(30)
    gate.close()
    thread.join(30)

    assert [Stopping] == ended
    assert gate.wait_until_empty(0)


def test_other_errors_come_through() -> None:
    """A step that fails for good is not made again."""
    tries: list[int] = []

    def broken() -> None:
        tries.append(1)
        raise UnreadableFile("never")

    with pytest.raises(UnreadableFile):
        StepGate(Courtesy()).guarded(broken)()
    assert [1] == tries


def test_failure_while_the_process_ends_is_none() -> None:
    """A step that outlasts the time to end and fails is left to be resumed."""
    gate = StepGate(Courtesy())

    def late() -> None:
        gate.close()
        raise UnreadableFile("The index is closed.")

    with pytest.raises(Stopping):
        gate.guarded(late)()
