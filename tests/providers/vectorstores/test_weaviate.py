"""The adapter of Weaviate keeps the contract, against a fake on its client's own protocol."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.fakes.store_faults import Fault
from tests.fakes.weaviate_server import FakeWeaviate

from ragline.database import Database
from ragline.errors import ConfigurationError
from ragline.providers import registry
from ragline.providers.vectorstores.weaviate import WeaviateStore
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
from ragline.testing.vectorstore_lexical import SEVEN


@pytest.fixture
def fake() -> Iterator[FakeWeaviate]:
    fake = FakeWeaviate()
    with fake.running():
        yield fake


def settings(fake: FakeWeaviate, **changes: Any) -> Settings:
    given: dict[str, Any] = {
        "vector_store": "weaviate",
        "weaviate_url": fake.url,
        "weaviate_grpc_url": fake.grpc_url,
    }
    return Settings(_env_file=None, **(given | changes))


def opened(fake: FakeWeaviate, database: Database, **changes: Any) -> WeaviateStore:
    given = settings(fake, **changes)
    store = registry.vector_store("weaviate", given, dimensions=DIMENSIONS, database=database)
    assert isinstance(store, WeaviateStore)
    return store


@pytest.fixture
def store(fake: FakeWeaviate, database: Database) -> Iterator[WeaviateStore]:
    store = opened(fake, database)
    yield store
    store.close()


class TestConformance(VectorStoreConformance):
    """The adapter passes the suite for all stores."""

    @pytest.fixture
    def store(self, fake: FakeWeaviate, database: Database) -> Iterator[WeaviateStore]:
        self.fake, self.database = fake, database
        store = opened(fake, database)
        yield store
        store.close()

    def open_again(self, store: WeaviateStore) -> WeaviateStore:
        return opened(self.fake, self.database)


def test_projects_are_tenants(fake: FakeWeaviate, store: WeaviateStore) -> None:
    """Each project is a tenant; with the project its tenant goes."""
    store.upsert([chunk(1), chunk(2, project_id=OTHER_PROJECT, document_id=OTHER_DOCUMENT)])
    assert {PROJECT, OTHER_PROJECT} == fake.tenants("Ragline")

    store.delete_project(PROJECT)

    assert {OTHER_PROJECT} == fake.tenants("Ragline")


def test_a_chunk_that_moves_to_another_project(store: WeaviateStore) -> None:
    """Written into another project it is found there, and no longer here."""
    store.upsert([chunk(1), chunk(2)])
    store.upsert([chunk(1, project_id=OTHER_PROJECT)])

    assert (1, 1) == (store.count(project_id=PROJECT), store.count(project_id=OTHER_PROJECT))
    both = [chunk_id(1), chunk_id(2)]
    assert [[chunk_id(2)], [chunk_id(1)]] == [
        list(store.similarities(vector(1), both, project_id=each))
        for each in (PROJECT, OTHER_PROJECT)
    ]


def test_an_old_server(database: Database) -> None:
    """A server that cannot filter by absence is refused."""
    fake = FakeWeaviate(version="1.32.4")
    with fake.running(), pytest.raises(ConfigurationError, match=r"1\.32\.4, and 1\.33"):
        opened(fake, database)


def test_long_lists_come_in_pieces(database: Database) -> None:
    """More passages than one query returns are read, counted and removed all the same."""
    fake = FakeWeaviate(most=2_500)
    with fake.running():
        store = opened(fake, database, vector_batch=1_000)
        store.upsert([chunk(n) for n in range(4_100)])

        matches = store.search_lexical(SEVEN, project_id=PROJECT, filter=None, limit=5_000)

        assert 4_100 == len(matches)
        assert 4_100 == len(store.chunk_ids(DOCUMENT))
        assert 4_100 == store.delete(document_id=DOCUMENT)
        store.close()


def test_a_server_that_restarts(fake: FakeWeaviate, store: WeaviateStore) -> None:
    """An objects' interface that is away for a moment is asked again."""
    fake.faults.left.append(Fault("status", "grpc Aggregate", 503))

    assert 0 == store.count(project_id=PROJECT)
    assert 2 == fake.faults.count("grpc Aggregate")


def test_an_address_that_is_none(fake: FakeWeaviate, database: Database) -> None:
    """What is no address is told with the setting."""
    with pytest.raises(ConfigurationError, match="RAGLINE_WEAVIATE_GRPC_URL"):
        opened(fake, database, weaviate_grpc_url="localhost:50051")
