"""Clients of the protocol."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.inprocess import InProcessServer, Tenant
from tests.mcp_face.speaking import MODES, Speaker, speaking


@pytest.fixture(params=MODES)
def speaker(
    server: InProcessServer, tenant: Tenant, request: pytest.FixtureRequest
) -> Iterator[Speaker]:
    """The tenant's owner, by the official client, in each of two revisions."""
    with speaking(server.url, tenant.key, revision=request.param) as connected:
        yield connected
