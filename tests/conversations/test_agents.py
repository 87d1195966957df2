"""Agents over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract import ODD_IDS, count_rows, problem_of
from tests.conversations.conftest import Talk
from tests.conversations.talking import add_agent, begin, made, say
from tests.conversations.talking import talk as talk_to
from tests.inprocess import InProcessServer, Tenant

USUAL = {
    "description": None,
    "instructions": "",
    "model": None,
    "language": None,
    "retrieval": {"limit": 6, "mode": "hybrid", "filter": None},
    "answering": {
        "temperature": None,
        "most_tokens": None,
        "history_tokens": 1500,
        "near": 0.15,
    },
}


def test_made(tenant: Tenant) -> None:
    """An agent has a name and projects; the rest is as usual unless said."""

    project = tenant.project()
    agent = made(tenant.http.post("/v1/agents", json={"name": "A", "projects": [project, project]}))

    assert USUAL | {"name": "A", "projects": [project]} == {
        key: value for key, value in agent.items() if key not in ("id", "created_at")
    }
    assert agent == tenant.http.get(f"/v1/agents/{agent['id']}").json()


def test_made_once(tenant: Tenant) -> None:
    """The same request under the same key makes one agent."""

    body = {"name": "A", "projects": [tenant.project()]}
    send = lambda: tenant.http.post("/v1/agents", json=body, headers={"Idempotency-Key": "a"})  # noqa: E731 # twice the same

    assert send().json() == send().json()
    assert 1 == len(tenant.http.get("/v1/agents").json()["agents"])


def test_listed(tenant: Tenant) -> None:
    """Agents are listed in pages, oldest first."""

    project = tenant.project()
    agents = [add_agent(tenant.http, project) for _ in range(3)]
    first = tenant.http.get("/v1/agents", params={"limit": 2}).json()
    rest = tenant.http.get("/v1/agents", params={"after": agents[1]}).json()

    assert (agents[:2], True) == ([each["id"] for each in first["agents"]], first["has_more"])
    assert (agents[2:], False) == ([each["id"] for each in rest["agents"]], rest["has_more"])


def test_changed(tenant: Tenant) -> None:
    """Fields left out stay, within groups too."""

    agent = add_agent(tenant.http, tenant.project(), retrieval={"limit": 3, "mode": "dense"})
    change = {"retrieval": {"limit": 9}, "language": "fr", "answering": {"temperature": 0.2}}
    changed = tenant.http.patch(f"/v1/agents/{agent}", json=change).json()

    assert {"limit": 9, "mode": "dense", "filter": None} == changed["retrieval"]
    assert USUAL["answering"] | {"temperature": 0.2} == changed["answering"]
    assert ("Guide", "fr") == (changed["name"], changed["language"])
    assert changed == tenant.http.get(f"/v1/agents/{agent}").json()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("name", wrong) for wrong in ("", " ", "x" * 201, None, "\0")),
        *(("projects", wrong) for wrong in ([], None, "p", [""], ["p"] * 51)),
        *(("language", wrong) for wrong in ("", "french", "FR", 1)),
        *(("retrieval", wrong) for wrong in ({"limit": 0}, {"limit": 21}, {"mode": "x"}, {"k": 1})),
        ("retrieval", {"filter": {"type": "eq"}}),
        *(
            ("answering", wrong)
            for wrong in ({"temperature": 2.1}, {"near": -1}, {"most_tokens": 0})
        ),
        ("answering", {"history_tokens": -1}),
        ("instructions", "x" * 5001),
        ("more", 1),
    ],
)
def test_wrong_fields(tenant: Tenant, field: str, value: object) -> None:
    """A field out of its bounds is refused and named."""

    body = {"name": "A", "projects": [tenant.project()], field: value}
    problem = problem_of(tenant.http.post("/v1/agents", json=body), 422, "invalid-input")

    assert problem["errors"][0]["field"].startswith(field)


def test_projects_of_others(tenant: Tenant, server: InProcessServer) -> None:
    """An agent searches projects of its own tenant only."""

    with server.tenant() as other:
        project = other.project()
    body = {"name": "A", "projects": [project]}
    problem_of(tenant.http.post("/v1/agents", json=body), 404, "not-found")
    agent = add_agent(tenant.http, tenant.project("mine"))
    changed = tenant.http.patch(f"/v1/agents/{agent}", json={"projects": [project]})

    problem_of(changed, 404, "not-found")


@pytest.mark.parametrize("odd", ODD_IDS.values(), ids=ODD_IDS)
def test_odd_ids(tenant: Tenant, odd: str) -> None:
    """No id makes trouble."""
    for url in (f"/v1/agents/{odd}", f"/v1/sessions/{odd}", f"/v1/messages/{odd}"):
        assert tenant.http.get(url).status_code in (404, 414), url


def test_of_others(talk: Talk, server: InProcessServer) -> None:
    """Nobody reaches another tenant's agent, session or message by any call."""

    message = say(talk.http, talk.session, "Who kept the lighthouse of Orrin?")["message_id"]
    calls: list[tuple[str, str, Any]] = [
        ("GET", f"/v1/agents/{talk.agent}", None),
        ("PATCH", f"/v1/agents/{talk.agent}", {"name": "B"}),
        ("DELETE", f"/v1/agents/{talk.agent}", None),
        ("GET", f"/v1/agents/{talk.agent}/pairs", None),
        ("POST", f"/v1/agents/{talk.agent}/pairs", {"question": "a", "answer": "b"}),
        ("POST", "/v1/queries", {"question": "a", "agent_id": talk.agent}),
        ("POST", "/v1/queries", {"question": "a", "projects": [talk.project]}),
        ("POST", "/v1/sessions", {"agent_id": talk.agent}),
        ("GET", f"/v1/sessions/{talk.session}", None),
        ("DELETE", f"/v1/sessions/{talk.session}", None),
        ("GET", f"/v1/sessions/{talk.session}/messages", None),
        ("POST", f"/v1/sessions/{talk.session}/messages", {"content": "a"}),
        ("GET", f"/v1/messages/{message}", None),
        ("GET", f"/v1/messages/{message}/events", None),
        ("POST", f"/v1/messages/{message}/cancel", None),
        ("POST", f"/v1/messages/{message}/retry", None),
    ]
    with server.tenant() as other:
        for method, url, body in calls:
            problem_of(other.http.request(method, url, json=body), 404, "not-found")
        assert [] == other.http.get("/v1/sessions").json()["sessions"]
        assert [] == other.http.get("/v1/agents").json()["agents"]


def test_deleted(talk: Talk, server: InProcessServer) -> None:
    """With an agent go its sessions, messages and pairs, and the words its jobs kept."""

    url = f"/v1/agents/{talk.agent}"
    made(talk.http.post(f"{url}/pairs", json={"question": "Hello?", "answer": "Hello."}))
    answer = talk_to(talk.http, talk.session, "Who kept the lighthouse of Orrin?")
    receipt = talk.http.delete(url).json()

    expected = {"agents": 1, "pairs": 1, "sessions": 1, "messages": 2, "cancelled": 0}
    assert expected == receipt
    problem_of(talk.http.get(url), 404, "not-found")
    problem_of(talk.http.get(f"/v1/sessions/{talk.session}"), 404, "not-found")
    problem_of(talk.http.get(f"/v1/messages/{answer['message_id']}"), 404, "not-found")
    for table in ("agents", "chat_sessions", "messages", "answer_pairs"):
        assert 0 == count_rows(server, table, talk.tenant.id)
    assert "Orrin" not in talk.http.get(f"/v1/jobs/{answer['job_id']}").text


def test_readers(talk: Talk) -> None:
    """A key that only reads may talk, but not change agents."""

    key = talk.http.post("/v1/keys", json={"name": "r", "role": "reader"}).json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    patched = talk.http.patch(f"/v1/agents/{talk.agent}", json={"name": "B"}, headers=headers)
    asked = {"agent_id": talk.agent}

    problem_of(patched, 403, "forbidden")
    assert 201 == talk.http.post("/v1/sessions", json=asked, headers=headers).status_code


def test_deleted_project_is_skipped(talk: Talk) -> None:
    """An agent answers from the projects that are left."""

    other = talk.tenant.project("gone")
    agent = add_agent(talk.http, other, talk.project)
    talk.tenant.ended(talk.http.delete(f"/v1/projects/{other}").json()["job"]["id"])
    session = begin(talk.http, agent)

    answer = talk_to(talk.http, session, "Who kept the lighthouse of Orrin?")

    assert "Ann Morrow" in answer["content"]


def test_no_project_left(talk: Talk) -> None:
    """Where all projects of an agent are gone, its answers fail with the reason."""

    talk.tenant.ended(talk.http.delete(f"/v1/projects/{talk.project}").json()["job"]["id"])

    answer = talk_to(talk.http, talk.session, "Who kept the lighthouse of Orrin?")

    assert ("failed", "/problems/not-found") == (answer["status"], answer["error"]["type"])
