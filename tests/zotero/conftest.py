"""A server of its own process whose libraries are a fake Zotero's, and its model a fake."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.chat.asking import http_to
from tests.conversations.served import database_settings
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.zotero_server import FakeZotero
from tests.inprocess import Tenant
from tests.servers import RunningServer
from tests.zotero.connected import Connected, connect


@pytest.fixture(scope="session")
def zotero_server() -> Iterator[FakeZotero]:
    with FakeZotero().running() as running:
        yield running


@pytest.fixture(scope="session")
def model() -> Iterator[FakeOpenAI]:
    with FakeOpenAI().running() as running:
        yield running


@pytest.fixture(scope="session")
def owner(
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    zotero_server: FakeZotero,
    model: FakeOpenAI,
) -> Iterator[Tenant]:
    """The owner of a server that asks the fakes; one for all tests here, on either database."""
    prices = {"fake-1": {"prompt": 1000, "completion": 2000}}
    settings: dict[str, object] = {
        "zotero_base_url": zotero_server.url,
        "idle_poll_seconds": 0.3,
        "llm": "openai",
        "openai_base_url": model.url,
        "openai_model": "fake-1",
        "token_prices": json.dumps(prices),
        **database_settings(request),
    }
    with (
        RunningServer(tmp_path_factory.mktemp("zotero"), **settings) as server,
        http_to(server) as http,
    ):
        yield Tenant("", server.api_key, http)


@pytest.fixture
def fake(zotero_server: FakeZotero) -> FakeZotero:
    """The fake with an empty library."""
    zotero_server.reset()
    return zotero_server


@pytest.fixture
def library(owner: Tenant, fake: FakeZotero) -> Connected:
    """A library connected to a fresh project."""
    return connect(owner, fake)
