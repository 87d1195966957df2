"""Stores on servers, with the fakes that they speak to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.pinecone_server import FakePinecone
from tests.fakes.qdrant_server import FakeQdrant
from tests.fakes.store_faults import Faults
from tests.fakes.weaviate_server import FakeWeaviate

from ragline.database import Database
from ragline.models import Base, HeldChunk, HeldProject, HeldTerm
from ragline.providers import registry
from ragline.providers.contracts import VectorStore
from ragline.settings import Settings
from ragline.testing.vectorstore import DIMENSIONS

KEY = "secret"


@dataclass
class Remote:
    """A server that keeps vectors, its adapter, and the words of its protocol for a write."""

    name: str
    faults: Faults
    write: str
    search: str
    stop: Callable[[], None]
    _settings: Callable[[], dict[str, Any]]
    _database: Database
    _opened: ExitStack

    def open(
        self, *, dimensions: int = DIMENSIONS, collection: str | None = None, **changes: Any
    ) -> VectorStore:
        """Open its store; it is closed at the end of the test."""
        settings = Settings(_env_file=None, **(self._settings() | changes))
        store = registry.vector_store(
            self.name,
            settings,
            dimensions=dimensions,
            collection=collection,
            database=self._database,
        )
        self._opened.callback(store.close)
        return store


def create_held(database: Database) -> None:
    """Create the tables of what stores hold; all of them would take longer than most tests."""
    tables = [
        Base.metadata.tables[each.__tablename__] for each in (HeldChunk, HeldProject, HeldTerm)
    ]
    Base.metadata.create_all(database.engine, tables=tables)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A database for what stores hold."""
    opened = Database(f"sqlite:///{tmp_path / 'ragline.db'}")
    create_held(opened)
    yield opened
    opened.close()


@pytest.fixture(params=["qdrant", "weaviate", "pinecone"])
def remote(request: pytest.FixtureRequest, tmp_path: Path, database: Database) -> Iterator[Remote]:
    """Each of the servers in turn; it asks for a key."""
    with ExitStack() as opened, ExitStack() as serving:
        make = {"qdrant": _qdrant, "weaviate": _weaviate, "pinecone": _pinecone}[request.param]
        fake, settings, write, search = make(opened, serving, tmp_path)
        yield Remote(
            request.param, fake.faults, write, search, serving.close, settings, database, opened
        )


def _qdrant(opened: ExitStack, serving: ExitStack, folder: Path) -> Any:
    fake = FakeQdrant(folder / "qdrant", api_key=KEY)
    opened.callback(fake.close)
    serving.enter_context(fake.running())
    settings = lambda: {"qdrant_url": fake.url, "qdrant_api_key": KEY}  # noqa: E731  # its address
    return fake, settings, "PUT /collections/ragline/points", "/points/query"


def _weaviate(opened: ExitStack, serving: ExitStack, folder: Path) -> Any:
    fake = FakeWeaviate(api_key=KEY)
    serving.enter_context(fake.running())

    def settings() -> dict[str, Any]:
        return {
            "weaviate_url": fake.url,
            "weaviate_grpc_url": fake.grpc_url,
            "weaviate_api_key": KEY,
        }

    return fake, settings, "grpc BatchObjects", "grpc Search"


def _pinecone(opened: ExitStack, serving: ExitStack, folder: Path) -> Any:
    fake = FakePinecone(api_key=KEY)
    serving.enter_context(fake.running())
    settings = lambda: {"pinecone_url": fake.url, "pinecone_api_key": KEY}  # noqa: E731  # its address
    return fake, settings, "ragline/vectors/upsert", "ragline/query"
