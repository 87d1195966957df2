"""A service of embeddings with other dimensions, known to the shared server by a name."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from tests.fakes.text_embeddings import FakeTextEmbeddings
from tests.inprocess import InProcessServer

from ragline.settings import EmbedderEndpoint


@pytest.fixture
def service() -> Iterator[FakeTextEmbeddings]:
    """A service that gives a text's words as a vector of 48 dimensions."""
    with FakeTextEmbeddings(dimensions=48).running() as running:
        assert isinstance(running, FakeTextEmbeddings)
        yield running


@pytest.fixture
def spec(server: InProcessServer, service: FakeTextEmbeddings) -> Iterator[str]:
    """The spec under which the server knows the service, as long as the test lasts."""
    name = f"other-{uuid4().hex[:8]}"
    endpoints = server.runtime.settings.embedder_endpoints
    endpoints[name] = EmbedderEndpoint(
        base_url=service.url, model=name, dimensions=service.dimensions
    )
    yield name
    del endpoints[name]
