"""Who is let through to the protocol, and what of HTTP is answered before it."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from tests.inprocess import InProcessServer, Tenant

from ragline.documents.gathering import Gathering
from ragline.jobs.event_hub import EventHub
from ragline.mcp.face import Face, Parts

ACCEPT = {"Accept": "application/json, text/event-stream"}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def ping(client: httpx2.Client, **headers: str) -> httpx2.Response:
    """Send a message that needs nothing."""
    return client.post("/mcp", json=PING, headers=ACCEPT | headers)


def test_a_key_is_needed(server: InProcessServer) -> None:
    """Without one the answer is that of all other routes."""
    with server.client() as nobody:
        answer = ping(nobody)

    assert (401, "Bearer", "/problems/unauthenticated") == (
        answer.status_code,
        answer.headers["www-authenticate"],
        answer.json()["type"],
    )


def test_a_revoked_key_is_refused(server: InProcessServer, tenant: Tenant) -> None:
    """No session outlives the key it was made with."""
    made = tenant.http.post("/v1/keys", json={"name": "second"}).json()
    with server.client(made["key"]) as client:
        before = ping(client).status_code
        tenant.http.delete(f"/v1/keys/{made['id']}")
        after = ping(client).status_code

    assert (200, 401) == (before, after)


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://127.0.0.1.evil.example:8080",
        "https://localhost.evil.example",
        "null",
        "http://[::2]",
        "http://[",
        "",
    ],
)
def test_pages_of_other_sites_are_refused(tenant: Tenant, origin: str) -> None:
    """A page whose name was bound to this address is refused by its origin."""
    answer = ping(tenant.http, Origin=origin, Host="evil.example")

    assert (403, "/problems/forbidden") == (answer.status_code, answer.json()["type"])


@pytest.mark.parametrize(
    "origin", ["http://localhost:6274", "http://127.0.0.1:8080", "https://[::1]:1"]
)
def test_pages_of_this_machine_are_served(tenant: Tenant, origin: str) -> None:
    """An inspector on the same machine may be a page in a browser."""
    assert 200 == ping(tenant.http, Origin=origin).status_code


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_only_messages_are_taken(tenant: Tenant, method: str) -> None:
    """There is no stream apart from requests, and no session to end."""
    answer = tenant.http.request(method, "/mcp", headers=ACCEPT)

    assert (405, "POST") == (answer.status_code, answer.headers["allow"])


def test_no_session_is_begun(tenant: Tenant) -> None:
    """The first answer names none, so that any process can answer the next request."""
    params = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    answer = tenant.http.post("/mcp", json=body, headers=ACCEPT)

    assert (200, None) == (answer.status_code, answer.headers.get("mcp-session-id"))


def test_a_large_message_is_refused(tenant: Tenant) -> None:
    """The limit is that of other JSON bodies."""
    answer = tenant.http.post("/mcp", content=b" " * (9 * 1024**2), headers=ACCEPT)

    assert (413, "/problems/too-large") == (answer.status_code, answer.json()["type"])


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_without_its_package_the_install_line_is_told(
    server: InProcessServer, tenant: Tenant, anyio_backend: str
) -> None:
    """The protocol is an extra; the rest of the server does without it."""
    runtime = server.runtime
    parts = Parts(runtime, Gathering(runtime), EventHub(runtime.database, most=1))
    face = Face(parts, package="a_package_that_nobody_has")
    app = Starlette(routes=[Route("/mcp", endpoint=face)])
    transport: Any = httpx2.ASGITransport(app)
    headers = ACCEPT | {"Authorization": f"Bearer {tenant.key}"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.post("/mcp", json=PING, headers=headers)

    assert 501 == answer.status_code
    assert "pip install 'ragline[mcp]'" in answer.json()["detail"]
