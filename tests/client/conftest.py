"""Tests of the client library run with both clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.client.clients import CLIENTS, Connect
from tests.inprocess import InProcessServer, Tenant

from ragline import Client


@pytest.fixture(params=list(CLIENTS))
def connect(request: pytest.FixtureRequest) -> Connect:
    """Connect to a URL with the one client or the other."""
    return CLIENTS[request.param]


@pytest.fixture
def client(server: InProcessServer, tenant: Tenant, connect: Connect) -> Iterator[Client]:
    """A client of an owner who has nothing yet."""
    with connect(server.url, tenant.key) as client:
        yield client
