"""The store in PostgreSQL keeps the contract, and its own promises about one database."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from tests.postgres import Postgres, running

from ragline.database import Database
from ragline.errors import ConfigurationError, PermanentProviderError, TemporaryProviderError
from ragline.migrations.run import migrate
from ragline.models import Base
from ragline.providers import registry
from ragline.providers.vectorstores.pgvector import PgVectorStore
from ragline.settings import Settings
from ragline.testing.vectorstore import (
    DIMENSIONS,
    DOCUMENT,
    PROJECT,
    VectorStoreConformance,
    chunk,
    chunk_id,
    vector,
)


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.new_database()


@pytest.fixture
def store(url: str) -> Iterator[PgVectorStore]:
    opened = PgVectorStore(url, DIMENSIONS)
    yield opened
    opened.close()


class TestConformance(VectorStoreConformance):
    """pgvector passes the suite for all stores."""

    @pytest.fixture
    def store(self, postgres: Postgres) -> Iterator[PgVectorStore]:
        self.url = postgres.new_database()
        opened = PgVectorStore(self.url, DIMENSIONS)
        yield opened
        opened.close()

    def open_again(self, store: PgVectorStore) -> PgVectorStore:
        return PgVectorStore(self.url, DIMENSIONS)


def test_the_door(url: str, tmp_path: Path) -> None:
    """With PostgreSQL as database the store is found by the name that the settings give."""
    settings = Settings(data_dir=tmp_path, database_url=url, _env_file=None)

    opened = registry.vector_store(settings.vector_store_name, settings, dimensions=DIMENSIONS)

    assert isinstance(opened, PgVectorStore)
    opened.close()


def test_sqlite_is_refused() -> None:
    """Beside SQLite the store cannot work, and says what to set."""
    with pytest.raises(ConfigurationError, match="RAGLINE_DATABASE_URL"):
        PgVectorStore("sqlite:///ragline.db", DIMENSIONS)


def test_chunks_outlive_the_store(url: str) -> None:
    """What was written is there after closing and opening again."""
    first = PgVectorStore(url, DIMENSIONS)
    first.upsert([chunk(1), chunk(2)])
    first.close()

    second = PgVectorStore(url, DIMENSIONS)

    assert second.count() == 2
    second.close()


def test_several_may_create_it_at_once(url: str) -> None:
    """Processes that start together on an empty database all open the one index."""

    def open_and_write(number: int) -> None:
        opened = PgVectorStore(url, DIMENSIONS)
        opened.upsert([chunk(number)])
        opened.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(open_and_write, range(4)))

    last = PgVectorStore(url, DIMENSIONS)
    assert last.count() == 4
    last.close()


def test_an_index_of_other_dimensions_is_refused(store: PgVectorStore, url: str) -> None:
    """Changing the embedder while there are vectors is told at start."""
    store.upsert([chunk(1)])

    with pytest.raises(ConfigurationError, match="of 8 dimensions, and this one has 4"):
        PgVectorStore(url, 4)


def test_an_empty_index_takes_other_dimensions(store: PgVectorStore, url: str) -> None:
    """Without vectors the embedder may be changed."""
    other = PgVectorStore(url, 4)

    other.upsert([chunk(1, dense=vector(1)[:4])])

    assert other.count() == 1
    other.close()


def test_a_vector_of_other_dimensions_is_refused(store: PgVectorStore) -> None:
    """A chunk from another embedder is an error that no retry mends."""
    with pytest.raises(PermanentProviderError, match="dimensions"):
        store.upsert([chunk(1, dense=vector(1)[:4])])


def test_what_the_database_refuses_is_permanent(store: PgVectorStore) -> None:
    """An id that is no UUID is an error that no retry mends."""
    with pytest.raises(PermanentProviderError, match="invalid input syntax"):
        store.similarities(vector(1), ["no id"], project_id=PROJECT)


def test_writing_while_removing_leaves_all_or_none(store: PgVectorStore) -> None:
    """A removal that meets a write comes before or after it as a whole."""
    with ThreadPoolExecutor(2) as threads:
        for _ in range(5):
            writing = threads.submit(store.upsert, [chunk(n) for n in range(100)])
            removing = threads.submit(store.delete, document_id=DOCUMENT)
            writing.result()

            assert 100 == removing.result() + store.count()
            store.delete(document_id=DOCUMENT)


def test_counts_follow_what_is_held(store: PgVectorStore, url: str) -> None:
    """However writers and removers meet, chunks and terms are counted as they are there."""

    def write_and_remove(turn: int) -> None:
        document = str(uuid.UUID(int=turn % 3))
        numbers = range(turn % 3 * 100, turn % 3 * 100 + 20)
        terms = {7: 1.0, turn: 1.0}
        store.upsert([chunk(n, document_id=document, version=turn, terms=terms) for n in numbers])
        if turn % 4 == 0:
            store.delete(document_id=document, before=turn)
        elif turn % 5 == 0:
            store.delete(document_id=document)
        elif turn == 17:
            store.delete_project(PROJECT)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write_and_remove, range(10, 40)))

    with psycopg.connect(_conninfo(url)) as connection:
        connection.execute("SET search_path TO ragline_index")
        counted = connection.execute("SELECT key, holding FROM vector_terms").fetchall()
        held = connection.execute(
            "SELECT key, count(*) FROM vector_chunks, unnest(terms) AS key GROUP BY key"
        ).fetchall()
        chunks = connection.execute("SELECT count(*) FROM vector_chunks").fetchone()
    assert chunks == (store.count(),)
    assert sorted(held) == sorted(counted)


def test_large_vectors_are_found(url: str) -> None:
    """Vectors that do not fit into a page of the database are stored beside it."""
    wide = vector(1).repeat(600) / 600**0.5
    opened = PgVectorStore(url, wide.size)
    opened.upsert([chunk(1, dense=wide, terms={n: 1.0 for n in range(2_000)})])

    matches = opened.search_dense(wide, project_id=PROJECT, filter=None, limit=1)

    assert [chunk_id(1)] == [match.chunk_id for match in matches]
    assert abs(matches[0].score - 1) < 0.01
    opened.close()


def test_it_is_no_part_of_the_migrated_schema(store: PgVectorStore, url: str) -> None:
    """The tables of the index are no difference between models and database."""
    database = Database(url)
    migrate(database)
    with database.engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    database.close()

    assert [] == found


def test_a_user_who_may_not_create_the_extension(postgres: Postgres, url: str) -> None:
    """The missing extension is named with the command that a superuser runs."""
    name = _plain_user(postgres)

    with pytest.raises(ConfigurationError, match="CREATE EXTENSION vector in it as superuser"):
        PgVectorStore(_as(name, url), DIMENSIONS)


def test_a_user_who_may_not_create_a_schema(postgres: Postgres, url: str) -> None:
    """The missing right is named with the command that gives it."""
    name = _plain_user(postgres)
    with psycopg.connect(_conninfo(url), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")

    with pytest.raises(ConfigurationError, match="GRANT CREATE ON DATABASE"):
        PgVectorStore(_as(name, url), DIMENSIONS)


def test_the_extension_may_lie_in_any_schema(url: str) -> None:
    """Where a superuser put the extension does not matter."""
    with psycopg.connect(_conninfo(url), autocommit=True) as connection:
        connection.execute('CREATE SCHEMA "my types"')
        connection.execute('CREATE EXTENSION vector WITH SCHEMA "my types"')

    opened = PgVectorStore(url, DIMENSIONS)
    opened.upsert([chunk(1)])

    assert len(opened.search_dense(vector(1), project_id=PROJECT, filter=None, limit=5)) == 1
    opened.close()


def test_it_goes_on_after_a_crash_of_the_database(tmp_path: Path) -> None:
    """While the database is down a retry is asked for; then it works without a restart."""
    with running(tmp_path / "cluster", fsync="on") as server:
        opened = PgVectorStore(server.new_database(), DIMENSIONS)
        opened.upsert([chunk(1), chunk(2)])

        server.crash()
        with pytest.raises(TemporaryProviderError, match="will be tried again"):
            opened.upsert([chunk(3)])
        with pytest.raises(TemporaryProviderError):
            opened.search_dense(vector(1), project_id=PROJECT, filter=None, limit=5)
        server.start()

        assert opened.count() == 2
        opened.upsert([chunk(3)])
        assert opened.count() == 3
        opened.close()


def test_a_database_that_is_not_there(postgres: Postgres) -> None:
    """Opening without a connection asks for a retry."""
    with pytest.raises(TemporaryProviderError, match="does not exist"):
        PgVectorStore(postgres.url("nothing"), DIMENSIONS)


def _plain_user(postgres: Postgres) -> str:
    name = "plain"
    postgres.execute(
        f"DO $$ BEGIN CREATE ROLE {name} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    return name


def _as(user: str, url: str) -> str:
    return sa.make_url(url).set(username=user).render_as_string(hide_password=False)


def _conninfo(url: str) -> str:
    return url.replace("postgresql+psycopg", "postgresql")
