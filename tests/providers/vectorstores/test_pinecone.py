"""The adapter of Pinecone keeps the contract, against a fake that shows writes later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.fakes.pinecone_server import FakePinecone

from ragline.database import Database
from ragline.errors import ConfigurationError, TemporaryProviderError
from ragline.providers import registry
from ragline.providers.contracts import Comparison, IndexedChunk
from ragline.providers.vectorstores.pinecone import PineconeStore
from ragline.settings import Settings
from ragline.testing.vectorstore import (
    DIMENSIONS,
    DOCUMENT,
    OTHER_DOCUMENT,
    OTHER_PROJECT,
    PROJECT,
    VectorStoreConformance,
    chunk,
    chunk_id,
    vector,
)
from ragline.testing.vectorstore_lexical import NO_TERMS


@pytest.fixture
def fake() -> Iterator[FakePinecone]:
    fake = FakePinecone()
    with fake.running():
        yield fake


def opened(
    fake: FakePinecone,
    database: Database,
    *,
    dimensions: int = DIMENSIONS,
    collection: str | None = None,
    **changes: Any,
) -> PineconeStore:
    given: dict[str, Any] = {"pinecone_url": fake.url, "pinecone_api_key": "key"} | changes
    store = registry.vector_store(
        "pinecone",
        Settings(_env_file=None, **given),
        dimensions=dimensions,
        collection=collection,
        database=database,
    )
    assert isinstance(store, PineconeStore)
    return store


@pytest.fixture
def store(fake: FakePinecone, database: Database) -> Iterator[PineconeStore]:
    store = opened(fake, database)
    yield store
    store.close()


class TestConformance(VectorStoreConformance):
    """The adapter passes the suite for all stores."""

    @pytest.fixture
    def store(self, fake: FakePinecone, database: Database) -> Iterator[PineconeStore]:
        self.fake, self.database = fake, database
        store = opened(fake, database)
        yield store
        store.close()

    def open_again(self, store: PineconeStore) -> PineconeStore:
        return opened(self.fake, self.database)


def test_projects_are_namespaces(fake: FakePinecone, store: PineconeStore) -> None:
    """Each project is a namespace of both indexes; with the project they go."""
    store.upsert([chunk(1), chunk(2, project_id=OTHER_PROJECT, document_id=OTHER_DOCUMENT)])
    assert {PROJECT, OTHER_PROJECT} == fake.namespaces("ragline")
    assert {PROJECT, OTHER_PROJECT} == fake.namespaces("ragline-words")

    store.delete_project(PROJECT)

    assert {OTHER_PROJECT} == fake.namespaces("ragline") | fake.namespaces("ragline-words")


def test_a_write_waits_until_it_is_seen(fake: FakePinecone, store: PineconeStore) -> None:
    """However late searches know of a write, they do when it returns."""
    fake.lag = 4

    store.upsert([chunk(1)])

    found = store.search_dense(vector(1), project_id=PROJECT, filter=None, limit=3)
    assert [chunk_id(1)] == [match.chunk_id for match in found]


def test_a_write_that_is_not_seen_in_time(fake: FakePinecone, database: Database) -> None:
    """Where searches stay behind, the write is told as one to be tried again."""
    store = opened(fake, database, pinecone_visible_seconds=0.1)
    fake.lag = 10_000

    with pytest.raises(TemporaryProviderError, match="RAGLINE_PINECONE_VISIBLE_SECONDS"):
        store.upsert([chunk(1)])
    store.close()


@pytest.mark.parametrize("loose", [False, True])
def test_absence_is_checked_here(database: Database, loose: bool) -> None:
    """Whatever Pinecone means by the absence of a value from a list, the contract's is kept."""
    fake = FakePinecone(loose=loose)
    with fake.running():
        store = opened(fake, database)
        store.upsert([chunk(n, metadata={"tags": ["x", "y"]}) for n in range(40)])
        store.upsert([chunk(50, dense=vector(0, 1), metadata={"tags": ["y"]})])
        without = Comparison("ne", "tags", "x")

        found = store.search_dense(vector(1), project_id=PROJECT, filter=without, limit=2)

        assert [chunk_id(50)] == [match.chunk_id for match in found]
        store.close()


def test_requests_stay_within_the_limit(fake: FakePinecone, database: Database) -> None:
    """Long vectors go in as many requests as their size needs."""
    store = opened(fake, database, dimensions=3_072)
    dense = np.random.default_rng(1).normal(size=3_072).astype(np.float32)

    store.upsert([chunk(n, dense=dense) for n in range(100)])

    assert 100 == store.count(project_id=PROJECT)
    assert fake.faults.count("ragline/vectors/upsert") > 1
    store.close()


def test_an_index_without_words_is_one_index(fake: FakePinecone, store: PineconeStore) -> None:
    """The index of words is made when the first words come."""
    bare = IndexedChunk(chunk_id(1), DOCUMENT, PROJECT, 1, vector(1), NO_TERMS, {})

    store.upsert([bare])
    store.delete_project(PROJECT)
    assert {"ragline"} == set(fake.indexes)

    store.upsert([chunk(1)])
    assert {"ragline", "ragline-words"} == set(fake.indexes)


def test_names_of_indexes(fake: FakePinecone, database: Database) -> None:
    """Collections of any name get names that Pinecone takes, each its own."""
    names = ["a_b", "a__b", "a" * 40, "a" * 39 + "b"]
    for name in names:
        opened(fake, database, collection=name).close()

    assert len(names) == len(fake.indexes)
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,36}[a-z0-9])?", name) for name in fake.indexes)


def test_without_a_key(fake: FakePinecone, database: Database) -> None:
    """Without a key nothing is asked, and the setting is named."""
    with pytest.raises(ConfigurationError, match="RAGLINE_PINECONE_API_KEY"):
        opened(fake, database, pinecone_api_key=None)


def test_without_a_database(fake: FakePinecone) -> None:
    """The store needs our database to count words, and says so."""
    given = Settings(_env_file=None, pinecone_url=fake.url, pinecone_api_key="key")
    with pytest.raises(ConfigurationError, match="needs Ragline's database"):
        registry.vector_store("pinecone", given, dimensions=DIMENSIONS)
