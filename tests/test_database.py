"""The database: queued writers, and transactions that end."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from ragline.database import Database
from ragline.errors import ConfigurationError

COUNT = sa.text("SELECT count(*) FROM numbers")
ADD = sa.text("INSERT INTO numbers (n) SELECT coalesce(max(n), 0) + 1 FROM numbers")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A database with one table of numbers."""
    fresh = Database(f"sqlite:///{tmp_path / 'test.db'}")
    with fresh.write() as session:
        session.execute(sa.text("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"))
    yield fresh
    fresh.close()


def count(database: Database) -> int:
    """Return how many numbers there are."""
    with database.read() as session:
        return int(session.execute(COUNT).scalar_one())


def add_and_fail(database: Database) -> None:
    """Write in a block that fails."""
    with database.write() as session:
        session.execute(ADD)
        raise ValueError("no")


def test_write_commits(database: Database) -> None:
    """What a block wrote stays when it ends."""

    with database.write() as session:
        session.execute(ADD)

    assert 1 == count(database)


def test_failed_block_rolls_back(database: Database) -> None:
    """Nothing stays of a block that fails."""

    with pytest.raises(ValueError, match="no"):
        add_and_fail(database)

    assert 0 == count(database)


def test_failed_block_releases_the_lock(database: Database) -> None:
    """After a block that failed the next one writes."""

    with pytest.raises(ValueError, match="no"):
        add_and_fail(database)
    with database.write() as session:
        session.execute(ADD)

    assert 1 == count(database)


def test_failed_statement_releases_the_lock(database: Database) -> None:
    """After a statement that failed the next block writes."""

    with pytest.raises(sa.exc.OperationalError), database.write() as session:
        session.execute(sa.text("INSERT INTO nonsense VALUES (1)"))
    with database.write() as session:
        session.execute(ADD)

    assert 1 == count(database)


def test_failed_commit_releases_the_lock(database: Database) -> None:
    """After a commit that failed the next block writes."""

    with database.write() as session:
        session.execute(
            sa.text(
                "CREATE TABLE children (n INTEGER REFERENCES numbers (n) "
                "DEFERRABLE INITIALLY DEFERRED)"
            )
        )
    with pytest.raises(sa.exc.IntegrityError), database.write() as session:
        session.execute(sa.text("INSERT INTO children VALUES (9)"))
    with database.write() as session:
        session.execute(ADD)

    assert 1 == count(database)


def test_reader_keeps_nothing(database: Database) -> None:
    """What a reading session changes is dropped, and it holds up no writer."""

    with database.read() as session:
        session.execute(ADD)
    with database.write() as session:
        session.execute(ADD)

    assert 1 == count(database)


def test_many_writers(database: Database) -> None:
    """Writers of many threads, each deciding by what it read, queue and all succeed."""

    def write(_: int) -> None:
        with database.write() as session:
            seen = session.execute(COUNT).scalar_one()
            session.execute(sa.text("INSERT INTO numbers VALUES (:n)"), {"n": seen + 1})

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(write, range(300)))

    assert 300 == count(database)


def test_writers_without_a_block_queue_too(database: Database) -> None:
    """Connections that others open themselves wait for their turn likewise."""

    def write(number: int) -> None:
        if number % 2:
            with database.write() as session:
                session.execute(ADD)
        else:
            with database.engine.begin() as connection:
                connection.execute(ADD)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(write, range(100)))

    assert 100 == count(database)


def test_readers_see_committed_rows_only(database: Database) -> None:
    """A reader neither waits for a writer nor sees what is not committed."""

    with database.write() as session:
        session.execute(ADD)
        assert 0 == count(database)


def test_foreign_keys_are_kept(database: Database) -> None:
    """SQLite is told to hold foreign keys, in write-ahead mode."""

    with database.read() as session:
        pragmas = [
            session.execute(sa.text(f"PRAGMA {name}")).scalar()
            for name in ("foreign_keys", "journal_mode")
        ]

    assert [1, "wal"] == pragmas


def test_other_databases() -> None:
    """A database of another kind is refused with a sentence."""

    with pytest.raises(ConfigurationError, match="unset it"):
        Database("mysql://localhost/ragline")
