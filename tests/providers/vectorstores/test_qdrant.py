"""The adapter of the Qdrant server keeps the contract, against the engine behind a REST front."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.qdrant_server import FakeQdrant
from tests.fakes.store_faults import Fault

from ragline.errors import ConfigurationError, TemporaryProviderError
from ragline.providers import registry
from ragline.providers.vectorstores.qdrant import QdrantStore
from ragline.settings import Settings
from ragline.testing.vectorstore import DIMENSIONS, VectorStoreConformance, chunk


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeQdrant]:
    fake = FakeQdrant(tmp_path / "qdrant")
    with fake.running():
        yield fake
    fake.close()


def settings(fake: FakeQdrant, **changes: Any) -> Settings:
    given: dict[str, Any] = {"vector_store": "qdrant", "qdrant_url": fake.url} | changes
    return Settings(_env_file=None, **given)


@pytest.fixture
def store(fake: FakeQdrant) -> Iterator[QdrantStore]:
    opened = QdrantStore.open(settings(fake), DIMENSIONS)
    yield opened
    opened.close()


class TestConformance(VectorStoreConformance):
    """The adapter passes the suite for all stores."""

    @pytest.fixture
    def store(self, fake: FakeQdrant) -> Iterator[QdrantStore]:
        self.settings = settings(fake)
        opened = QdrantStore.open(self.settings, DIMENSIONS)
        yield opened
        opened.close()

    def open_again(self, store: QdrantStore) -> QdrantStore:
        return QdrantStore.open(self.settings, DIMENSIONS)


def test_projects_are_tenants(fake: FakeQdrant, store: QdrantStore) -> None:
    """The server is told to keep the points of a project together, in a graph of their own."""
    held = fake.collections["ragline"]

    assert {"project_id", "document_id", "version"} <= set(held.schema)
    assert {"m": 0, "payload_m": 16} == {
        name: held.body["hnsw_config"][name] for name in ("m", "payload_m")
    }
    assert "float16" == held.body["vectors"]["dense"]["datatype"]


def test_metadata_are_indexed_when_they_come(fake: FakeQdrant, store: QdrantStore) -> None:
    """A filter is served by an index of its field."""
    store.upsert([chunk(1, metadata={"year": 2001, "kind": "a"})])

    fields = {name: each["data_type"] for name, each in fake.collections["ragline"].schema.items()}
    assert {"float", "keyword"} == {
        kind for name, kind in fields.items() if name.startswith("metadata.")
    }


def test_an_old_server(tmp_path: Path) -> None:
    """A server that weighs words over all projects alike is refused."""
    fake = FakeQdrant(tmp_path / "old", version="1.18.2")
    with fake.running(), pytest.raises(ConfigurationError, match=r"1\.18\.2, and 1\.19"):
        QdrantStore.open(settings(fake), DIMENSIONS)


def test_a_collection_of_somebody_else(fake: FakeQdrant) -> None:
    """A collection of another layout is left alone."""
    body = {"vectors": {"text": {"size": 8, "distance": "Cosine"}}, "sparse_vectors": {}}
    assert 200 == fake.reply("PUT", "/collections/ragline", body, None)[0]

    with pytest.raises(ConfigurationError, match="RAGLINE_QDRANT_COLLECTION"):
        QdrantStore.open(settings(fake), DIMENSIONS)


def test_a_long_pause_is_not_waited_for(fake: FakeQdrant, store: QdrantStore) -> None:
    """Asked to come back in minutes, the store says so instead of holding a worker."""
    fault = Fault("status", "/points?", 429, retry_after="120")
    fake.faults.left.append(fault)

    with pytest.raises(TemporaryProviderError) as raised:
        store.upsert([chunk(1)])

    assert 120 == raised.value.retry_after


def test_the_door(fake: FakeQdrant) -> None:
    """The store is found by its name."""
    given = settings(fake)

    opened = registry.vector_store(given.vector_store_name, given, dimensions=DIMENSIONS)

    assert isinstance(opened, QdrantStore)
    opened.close()
