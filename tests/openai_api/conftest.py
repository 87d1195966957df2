"""The official client, speaking to our server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import openai
import pytest
from tests.inprocess import InProcessServer, Tenant

Upload = Callable[..., str]


@pytest.fixture
def client(server: InProcessServer, tenant: Tenant) -> Iterator[openai.OpenAI]:
    """A client that bears the key of a tenant that has nothing yet."""
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=tenant.key, max_retries=0) as made:
        yield made


@pytest.fixture
def upload(client: openai.OpenAI) -> Upload:
    """A function that uploads a text and returns the file's id."""

    def upload(content: str | bytes, name: str = "tides.txt") -> str:
        data = content.encode() if isinstance(content, str) else content
        return client.files.create(file=(name, data), purpose="assistants").id

    return upload


@pytest.fixture
def store(client: openai.OpenAI) -> str:
    """The id of an empty vector store."""
    return client.vector_stores.create(name="library").id
