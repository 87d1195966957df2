"""Every route of the API has its method, in both clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from tests.client.clients import Connect
from tests.client.scripted import Reply, Script, answering

import ragline
from ragline import Client, ClientProblem
from ragline import client as library
from ragline.api import ROUTERS

# Other faces of the same services have clients of their own.
OTHER_FACES = ("ragline.openai_api.", "ragline.mcp.", "ragline.web.")
REFUSED: Reply = (404, {"type": "/problems/not-found", "detail": "Nothing is here."}, {})
MOMENT = datetime(2026, 11, 22, tzinfo=UTC)

Use = Callable[[Client], object]
HERE = Path(__file__)

METHODS: dict[str, Use] = {
    "POST /v1/projects": lambda c: c.create_project("a"),
    "GET /v1/projects": lambda c: list(c.projects()),
    "GET /v1/projects/{project_id}": lambda c: c.project("a"),
    "PATCH /v1/projects/{project_id}": lambda c: c.change_project("a", name="b"),
    "DELETE /v1/projects/{project_id}": lambda c: c.delete_project("a"),
    "GET /v1/projects/{project_id}/stats": lambda c: c.project_statistics("a"),
    "POST /v1/projects/{project_id}/reembed": lambda c: c.reembed("a", embedder="use"),
    "GET /v1/projects/{project_id}/reembed": lambda c: c.project_indexes("a"),
    "POST /v1/projects/{project_id}/reembed/rollback": lambda c: c.roll_back_reembedding("a"),
    "DELETE /v1/projects/{project_id}/reembed/previous": lambda c: c.remove_previous_index("a"),
    "GET /v1/doctor": lambda c: c.doctor(),
    "POST /v1/doctor/repair": lambda c: c.repair(),
    "POST /v1/projects/{project_id}/documents": lambda c: c.upload("a", [HERE]),
    "GET /v1/projects/{project_id}/documents": lambda c: list(c.documents("a")),
    "POST /v1/projects/{project_id}/imports": lambda c: c.import_files("a", [HERE]),
    "GET /v1/documents/{document_id}": lambda c: c.document("a"),
    "PATCH /v1/documents/{document_id}": lambda c: c.change_document("a", title="b"),
    "DELETE /v1/documents/{document_id}": lambda c: c.delete_document("a"),
    "GET /v1/documents/{document_id}/pages": lambda c: list(c.pages("a")),
    "GET /v1/documents/{document_id}/chunks": lambda c: list(c.chunks("a")),
    "GET /v1/documents/{document_id}/file": lambda c: c.file("a"),
    "POST /v1/projects/{project_id}/zotero": lambda c: c.connect_zotero("a", "users/1"),
    "GET /v1/projects/{project_id}/zotero": lambda c: c.zotero_libraries("a"),
    "GET /v1/projects/{project_id}/zotero/{library_id}": lambda c: c.zotero_library("a", "b"),
    "PATCH /v1/projects/{project_id}/zotero/{library_id}": lambda c: c.change_zotero(
        "a", "b", prompt=None
    ),
    "DELETE /v1/projects/{project_id}/zotero/{library_id}": lambda c: c.disconnect_zotero("a", "b"),
    "POST /v1/projects/{project_id}/zotero/{library_id}/sync": lambda c: c.sync_zotero("a", "b"),
    "POST /v1/projects/{project_id}/zotero/{library_id}/notes": lambda c: c.write_notes("a", "b"),
    "GET /v1/projects/{project_id}/zotero/{library_id}/notes": lambda c: list(c.notes("a", "b")),
    "GET /v1/projects/{project_id}/zotero/{library_id}/notes/{item_key}": (
        lambda c: c.note("a", "b", "c")
    ),
    "POST /v1/projects/{project_id}/images": lambda c: c.send_product("a", "b", HERE),
    "GET /v1/projects/{project_id}/images": lambda c: list(c.products("a")),
    "POST /v1/projects/{project_id}/images/reindex": lambda c: c.reindex_products("a"),
    "POST /v1/projects/{project_id}/images/search": lambda c: c.search_products("a", "b"),
    "GET /v1/projects/{project_id}/images/{product_id}": lambda c: c.product("a", "b"),
    "DELETE /v1/projects/{project_id}/images/{product_id}": lambda c: c.delete_product("a", "b"),
    "GET /v1/projects/{project_id}/images/{product_id}/thumbnail": lambda c: c.product_thumbnail(
        "a", "b"
    ),
    "GET /v1/projects/{project_id}/images/{product_id}/file": lambda c: c.product_picture("a", "b"),
    "POST /v1/projects/{project_id}/search": lambda c: c.search("a", "b"),
    "POST /v1/projects/{project_id}/chat": lambda c: c.chat("a", "b"),
    "POST /v1/projects/{project_id}/bibliography": lambda c: c.bibliography("a", ["b"]),
    "GET /v1/jobs/{job_id}/bibliography": lambda c: c.job_bibliography("a"),
    "GET /v1/messages/{message_id}/bibliography": lambda c: c.message_bibliography("a"),
    "POST /v1/agents": lambda c: c.create_agent("a", ["b"]),
    "GET /v1/agents": lambda c: list(c.agents()),
    "GET /v1/agents/{agent_id}": lambda c: c.agent("a"),
    "PATCH /v1/agents/{agent_id}": lambda c: c.change_agent("a", name="b"),
    "DELETE /v1/agents/{agent_id}": lambda c: c.delete_agent("a"),
    "POST /v1/agents/{agent_id}/pairs": lambda c: c.create_pair("a", "b", "c"),
    "GET /v1/agents/{agent_id}/pairs": lambda c: list(c.pairs("a")),
    "DELETE /v1/agents/{agent_id}/pairs/{pair_id}": lambda c: c.delete_pair("a", "b"),
    "POST /v1/agents/{agent_id}/shares": lambda c: c.create_share("a", expires_at=MOMENT),
    "GET /v1/agents/{agent_id}/shares": lambda c: list(c.shares("a")),
    "DELETE /v1/agents/{agent_id}/shares/{share_id}": lambda c: c.revoke_share("a", "b"),
    "POST /v1/queries": lambda c: c.route_question("a", projects=["b"]),
    "POST /v1/sessions": lambda c: c.create_session("a"),
    "GET /v1/sessions": lambda c: list(c.sessions(agent="a")),
    "GET /v1/sessions/{session_id}": lambda c: c.session("a"),
    "DELETE /v1/sessions/{session_id}": lambda c: c.delete_session("a"),
    "GET /v1/sessions/{session_id}/messages": lambda c: list(c.messages("a")),
    "POST /v1/sessions/{session_id}/messages": lambda c: c.send_message("a", "b"),
    "GET /v1/messages/{message_id}": lambda c: c.message("a", wait=1),
    "POST /v1/messages/{message_id}/retry": lambda c: c.retry_message("a"),
    "POST /v1/messages/{message_id}/cancel": lambda c: c.cancel_message("a"),
    "GET /v1/messages/{message_id}/events": lambda c: list(c.message_events("a")),
    "GET /v1/jobs": lambda c: list(c.jobs(created_after=MOMENT)),
    "GET /v1/jobs/{job_id}": lambda c: c.job("a", wait=1),
    "GET /v1/jobs/{job_id}/events": lambda c: list(c.events("a")),
    "POST /v1/jobs/{job_id}/cancel": lambda c: c.cancel("a"),
    "POST /v1/jobs/{job_id}/retry": lambda c: c.retry("a"),
    "POST /v1/jobs/{job_id}/dismiss": lambda c: c.dismiss("a"),
    "POST /v1/jobs/retry": lambda c: c.retry_jobs(),
    "GET /v1/projects/{project_id}/events": lambda c: list(c.project_events("a", from_start=True)),
    "GET /v1/queues": lambda c: c.own_queues(),
    "GET /v1/admin/queues": lambda c: c.all_queues(),
    "POST /v1/admin/queues/{name}/pause": lambda c: c.pause_queue("a"),
    "POST /v1/admin/queues/{name}/resume": lambda c: c.resume_queue("a"),
    "POST /v1/webhooks": lambda c: c.create_webhook("a"),
    "GET /v1/webhooks": lambda c: list(c.webhooks()),
    "GET /v1/webhooks/{webhook_id}": lambda c: c.webhook("a"),
    "PATCH /v1/webhooks/{webhook_id}": lambda c: c.change_webhook("a", enabled=True),
    "DELETE /v1/webhooks/{webhook_id}": lambda c: c.delete_webhook("a"),
    "POST /v1/webhooks/{webhook_id}/rotate": lambda c: c.rotate_webhook("a"),
    "POST /v1/webhooks/{webhook_id}/test": lambda c: c.test_webhook("a"),
    "GET /v1/webhooks/{webhook_id}/deliveries": lambda c: list(c.deliveries("a")),
    "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay": (
        lambda c: c.replay_delivery("a", "b")
    ),
    "GET /v1/keys": lambda c: c.keys(),
    "POST /v1/keys": lambda c: c.create_key("a"),
    "DELETE /v1/keys/{key_id}": lambda c: c.revoke_key("a"),
    "POST /v1/admin/tenants": lambda c: c.create_tenant("a"),
    "POST /v1/admin/cleanup": lambda c: c.clean_up(),
    "GET /v1/admin/cleanup": lambda c: c.preview_cleanup(),
}
"""What to call for each route; other methods ask the same routes in other ways."""


def own_routes() -> Iterator[tuple[str, BaseRoute]]:
    """Yield the routes of the contract by method and path."""
    for route in chain.from_iterable(router.routes for router in ROUTERS):
        if not isinstance(route, APIRoute) or not route.path.startswith("/v1/"):
            continue
        if not route.endpoint.__module__.startswith(OTHER_FACES):
            for method in route.methods:
                yield f"{method} {route.path}", route


def test_every_route_has_its_method() -> None:
    """A route that is added is not forgotten here, nor one that is gone remembered."""
    assert set(METHODS) == {name for name, _ in own_routes()}


@pytest.fixture
def refusing(connect: Connect) -> Iterator[tuple[Client, Script]]:
    """Give a client whose server refuses everything, and what it was asked."""
    with answering(always=REFUSED) as server, connect(server.url) as client:
        yield client, server


def test_methods_ask_their_routes(refusing: tuple[Client, Script]) -> None:
    """What each method sends arrives at the route it stands for, with its method."""
    client, server = refusing
    routes = list(own_routes())
    reached = dict[str, str]()
    for name, use in METHODS.items():
        with pytest.raises(ClientProblem, match="Nothing is here"):
            use(client)
        asked = server.asked[-1]
        scope = {"type": "http", "method": asked.method, "path": asked.path.partition("?")[0]}
        full = (there for there, route in routes if route.matches(scope)[0] is Match.FULL)
        reached[name] = next(full, "nothing")

    assert {name: name for name in METHODS} == reached


def test_names_are_those_of_the_library() -> None:
    """What `ragline` offers is what its client library does, and no process loads it unasked."""
    assert library.__all__ == ragline.__all__
    assert [] == [name for name in ragline.__all__ if not hasattr(ragline, name)]
    assert not hasattr(ragline, "Nonsense")
