"""Shares open an agent to people without a key, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.contract import ODD_IDS, problem_of
from tests.conversations.sharing import (
    QUESTION,
    Visitor,
    add_agent,
    add_library,
    add_share,
    used,
    visiting,
)
from tests.inprocess import InProcessServer, Tenant

from ragline.models import IdempotencyKey, Share, now

KEY = "a key of at least sixteen characters"


@pytest.fixture(scope="module")
def tenant(server: InProcessServer) -> Iterator[Tenant]:
    """One owner for all tests here: each has an agent of its own."""
    with server.tenant() as owner:
        yield owner


@pytest.fixture(scope="module")
def project(tenant: Tenant) -> str:
    return add_library(tenant)


@pytest.fixture
def agent(tenant: Tenant, project: str) -> str:
    return add_agent(tenant, project)


@pytest.fixture
def visitor(server: InProcessServer, tenant: Tenant, agent: str) -> Iterator[Visitor]:
    with visiting(server, add_share(tenant, agent)) as someone:
        yield someone


def test_only_the_digest_of_a_token_is_kept(
    server: InProcessServer, tenant: Tenant, agent: str
) -> None:
    """The token stands in the answer that made it, and in no row."""
    url, headers = f"/v1/agents/{agent}/shares", {"Idempotency-Key": f"{KEY} {agent}"}
    made = tenant.http.post(url, json={"name": "Fair"}, headers=headers).json()

    with server.runtime.database.read() as session:
        share = session.get_one(Share, made["id"])
        kept = session.scalars(
            sa.select(IdempotencyKey.answer).where(IdempotencyKey.tenant_id == tenant.id)
        ).all()
    assert f"/c/{made['token']}" == made["path"]
    assert made["token"] not in str(kept) + str(vars(share))


def test_a_share_is_made_once_under_a_key(tenant: Tenant, agent: str) -> None:
    """Sent again, the request says that its token was shown already."""
    url, headers = f"/v1/agents/{agent}/shares", {"Idempotency-Key": f"{KEY} {agent}"}
    tenant.http.post(url, json={}, headers=headers)

    again = tenant.http.post(url, json={}, headers=headers)
    problem_of(again, 409, "conflict")
    assert 1 == len(tenant.http.get(url).json()["shares"])


def test_a_revoked_share_is_gone(tenant: Tenant, agent: str) -> None:
    """It is not listed any more, and cannot be revoked twice."""
    share = add_share(tenant, agent)
    url = f"/v1/agents/{agent}/shares"

    assert 204 == tenant.http.delete(f"{url}/{share['id']}").status_code
    assert [] == tenant.http.get(url).json()["shares"]
    assert 404 == tenant.http.delete(f"{url}/{share['id']}").status_code


def test_shares_are_listed_in_pages(tenant: Tenant, agent: str) -> None:
    """Oldest first, with the id of the last one to go on from."""
    made = [add_share(tenant, agent, name=name)["id"] for name in "abc"]
    url = f"/v1/agents/{agent}/shares"

    first = tenant.http.get(url, params={"limit": 2}).json()
    rest = tenant.http.get(url, params={"after": made[1]}).json()
    assert (made[:2], True) == ([each["id"] for each in first["shares"]], first["has_more"])
    assert (made[2:], False) == ([each["id"] for each in rest["shares"]], rest["has_more"])


def test_shares_of_another_tenant_are_not_found(
    server: InProcessServer, tenant: Tenant, agent: str
) -> None:
    """Nobody else makes, sees or revokes them."""
    share = add_share(tenant, agent)
    url = f"/v1/agents/{agent}/shares"

    with server.tenant() as other:
        answers = [
            other.http.post(url, json={}),
            other.http.get(url),
            other.http.delete(f"{url}/{share['id']}"),
        ]
    assert [404, 404, 404] == [answer.status_code for answer in answers]


def test_a_reader_makes_no_shares(server: InProcessServer, tenant: Tenant, agent: str) -> None:
    """Opening an agent to the public is a change."""
    key = tenant.http.post("/v1/keys", json={"name": "r", "role": "reader"}).json()["key"]

    with server.client(key) as reader:
        answer = reader.post(f"/v1/agents/{agent}/shares", json={})
    assert 403 == answer.status_code


@pytest.mark.parametrize(
    "body",
    [
        {"expires_at": "2001-01-01T00:00:00Z"},
        {"expires_at": "2101-01-01T00:00:00"},
        {"most_messages": 0},
        {"most_tokens": -1},
        {"per_minute": True},
        {"colour": "red"},
    ],
)
def test_limits_that_make_no_sense_are_refused(
    tenant: Tenant, agent: str, body: dict[str, Any]
) -> None:
    """They are named as invalid input."""
    answer = tenant.http.post(f"/v1/agents/{agent}/shares", json=body)

    problem_of(answer, 422, "invalid-input")


def test_a_visitor_is_told_who_answers(
    server: InProcessServer, tenant: Tenant, project: str
) -> None:
    """Name, description and what is left, but nothing of how the agent works."""
    agent = add_agent(tenant, project, description="Knows kettles.", instructions="Be brief.")
    with visiting(server, add_share(tenant, agent, most_messages=7)) as visitor:
        told = visitor.get("/agent").json()

    limits = {"messages": 7, "tokens": None, "per_minute": None, "expires_at": None}
    assert {
        "name": "Kettle's agent",
        "description": "Knows kettles.",
        "language": None,
        "limits": limits,
    } == told


def test_a_visitor_gets_a_cited_answer(visitor: Visitor) -> None:
    """Of a source its title, page and words are shown, and no id."""
    message = visitor.ended(visitor.asked())

    quote = "The warranty of the kettle lasts two years."
    assert [{"title": "Kettle", "page": 1, "quote": quote}] == message["citations"]
    assert {
        "message_id",
        "session_id",
        "number",
        "role",
        "status",
        "queue_position",
        "eta_seconds",
        "created_at",
        "content",
        "citations",
        "error",
    } == set(message)


def test_a_conversation_is_listed(visitor: Visitor) -> None:
    """Both sides of it, in their order."""
    session = visitor.begin()
    visitor.ended(visitor.ask(session).json()["message_id"])

    first = visitor.get(f"/sessions/{session}/messages", params={"limit": 1}).json()
    after = {"after": first["messages"][0]["message_id"]}
    rest = visitor.get(f"/sessions/{session}/messages", params=after).json()
    assert ([("user", QUESTION)], True) == (
        [(each["role"], each["content"]) for each in first["messages"]],
        first["has_more"],
    )
    assert [("assistant", 2)] == [(each["role"], each["number"]) for each in rest["messages"]]


def test_its_owner_finds_what_was_asked_through_a_share(
    tenant: Tenant, agent: str, visitor: Visitor
) -> None:
    """Its jobs bear its tag, and its messages are counted."""
    visitor.ended(visitor.asked())
    share = used(tenant, agent)

    jobs = tenant.http.get("/v1/jobs", params={"tag": f"share:{share['id']}"}).json()["jobs"]
    assert ["completed"] == [job["status"] for job in jobs]
    assert (1, 0) == (share["messages"], share["reserved_tokens"])


def _closings() -> dict[str, Any]:
    def revoke(tenant: Tenant, server: InProcessServer, share: dict[str, Any]) -> None:
        tenant.http.delete(f"/v1/agents/{share['agent_id']}/shares/{share['id']}")

    def expire(tenant: Tenant, server: InProcessServer, share: dict[str, Any]) -> None:
        with server.runtime.database.write() as session:
            session.get_one(Share, share["id"]).expires_at = now() - timedelta(seconds=1)

    def delete_agent(tenant: Tenant, server: InProcessServer, share: dict[str, Any]) -> None:
        assert 200 == tenant.http.delete(f"/v1/agents/{share['agent_id']}").status_code

    def forge(tenant: Tenant, server: InProcessServer, share: dict[str, Any]) -> None:
        share["path"] = share["path"][:-1] + ("A" if share["path"][-1] != "A" else "B")

    def shorten(tenant: Tenant, server: InProcessServer, share: dict[str, Any]) -> None:
        share["path"] = share["path"][:-1]

    return {each.__name__: each for each in (revoke, expire, delete_agent, forge, shorten)}


@pytest.mark.parametrize("how", list(_closings()))
def test_a_closed_link_opens_nothing(
    server: InProcessServer, tenant: Tenant, agent: str, how: str
) -> None:
    """Unknown, expired and revoked tokens get the same 404, and a page that says so."""
    share = add_share(tenant, agent)
    with visiting(server, share) as visitor:
        session, message = visitor.begin(), visitor.asked()
        _closings()[how](tenant, server, share)
        visitor.path = share["path"]
        answers = [
            visitor.get("/agent"),
            visitor.post("/sessions"),
            visitor.ask(session),
            visitor.get(f"/messages/{message}"),
            visitor.get(f"/messages/{message}/events"),
            visitor.post(f"/messages/{message}/retry"),
            visitor.post(f"/messages/{message}/cancel"),
            visitor.get(f"/sessions/{session}/messages"),
        ]
        page = visitor.get("")

    for answer in answers:
        problem_of(answer, 404, "not-found")
    assert 1 == len({answer.text for answer in answers})
    assert (404, True) == (page.status_code, "This link opens nothing" in page.text)


@pytest.mark.parametrize("odd", ODD_IDS.values(), ids=ODD_IDS.keys())
def test_odd_ids_and_tokens_open_nothing(
    server: InProcessServer, visitor: Visitor, odd: str
) -> None:
    """Whatever stands in a path, what does not exist is 404."""
    with server.client() as http:
        answers = [
            http.get(f"/c/{odd}"),
            http.get(f"/c/{odd}/agent"),
            visitor.get(f"/messages/{odd}"),
            visitor.get(f"/messages/{odd}/events"),
            visitor.get(f"/sessions/{odd}/messages"),
            visitor.ask(odd),
        ]

    assert {404} == {answer.status_code for answer in answers}


def test_ids_of_others_are_not_found(
    server: InProcessServer, tenant: Tenant, agent: str, visitor: Visitor
) -> None:
    """Neither the owner's conversations nor those of another share of the agent are open."""
    body = {"agent_id": agent}
    session = tenant.http.post("/v1/sessions", json=body).json()["id"]
    url = f"/v1/sessions/{session}/messages"
    message = tenant.http.post(url, json={"content": QUESTION}).json()["message_id"]
    with visiting(server, add_share(tenant, agent)) as other:
        others = [(session, message), (other.begin(), other.asked())]

    answers = [
        answer
        for session, message in others
        for answer in (
            visitor.ask(session),
            visitor.get(f"/sessions/{session}/messages"),
            visitor.get(f"/messages/{message}"),
            visitor.get(f"/messages/{message}/events"),
            visitor.post(f"/messages/{message}/retry"),
            visitor.post(f"/messages/{message}/cancel"),
        )
    ]
    own = visitor.begin()
    answers.append(visitor.get(f"/sessions/{own}/messages", params={"after": message}))
    assert [404] * 13 == [answer.status_code for answer in answers]


def test_a_token_is_no_api_key(server: InProcessServer, visitor: Visitor) -> None:
    """It opens nothing under /v1, and no other routes stand below the link."""
    with server.client(visitor.path.removeprefix("/c/")) as http:
        refused = [http.get(path).status_code for path in ("/v1/jobs", "/v1/agents")]
    below = [visitor.get(path).status_code for path in ("/jobs", "/documents", "/shares")]

    assert ([401, 401], [404, 404, 404]) == (refused, below)


def test_a_question_is_asked_once_under_a_key(tenant: Tenant, agent: str, visitor: Visitor) -> None:
    """Sent again it gets the same answer and is counted once."""
    session = visitor.begin()
    answers = [visitor.ask(session, key=KEY) for _ in range(3)]
    other = visitor.ask(session, "Something else?", key=KEY)

    assert 1 == len({answer.json()["message_id"] for answer in answers})
    assert 1 == used(tenant, agent)["messages"]
    problem_of(other, 422, "idempotency-key-reused")


def test_keys_of_visitors_and_owner_are_apart(tenant: Tenant, agent: str, visitor: Visitor) -> None:
    """The same key means something else to each of them."""
    headers = {"Idempotency-Key": f"{KEY} {agent}"}
    own = tenant.http.post("/v1/sessions", json={"agent_id": agent}, headers=headers)
    theirs = visitor.post("/sessions", headers=headers)

    assert (201, 201) == (own.status_code, theirs.status_code)
    assert own.json()["id"] != theirs.json()["id"]


def test_keys_that_could_be_guessed_are_refused(visitor: Visitor) -> None:
    """Another visitor who sent the same one would be shown the conversation."""
    assert 422 == visitor.post("/sessions", headers={"Idempotency-Key": "1"}).status_code


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"content": " "}, 422),
        ({"content": "x" * 4001}, 422),
        ({"content": "x", "priority": 1}, 422),
        ({"content": "x", "padding": "x" * 70_000}, 413),
    ],
)
def test_a_visitor_sends_questions_only(
    visitor: Visitor, body: dict[str, Any], status: int
) -> None:
    """What is empty, too long or no question is refused."""
    answer = visitor.post(f"/sessions/{visitor.begin()}/messages", json=body)

    assert status == answer.status_code


def test_a_visitor_cancels_and_tries_again(visitor: Visitor) -> None:
    """What was answered is neither stopped nor tried again."""
    message = visitor.asked()
    visitor.ended(message)

    answers = [visitor.post(f"/messages/{message}/{act}") for act in ("cancel", "retry")]
    assert [409, 409] == [answer.status_code for answer in answers]


def test_a_stream_tells_nothing_internal(visitor: Visitor) -> None:
    """Its events hold the answer's words and sources, but no ids and no model."""
    message = visitor.asked()
    visitor.ended(message)
    stream = visitor.get(f"/messages/{message}/events").text

    assert "The warranty of the kettle lasts two years." in stream
    assert [] == [
        word for word in ("job_id", "project_id", "document_id", "usage", "model") if word in stream
    ]


def test_a_stream_goes_on_where_it_was(visitor: Visitor) -> None:
    """Behind the last event there is nothing left, which a browser knows by 204."""
    message = visitor.asked()
    visitor.ended(message)
    url = f"/messages/{message}/events"
    last = [line[4:] for line in visitor.get(url).text.splitlines() if line.startswith("id: ")][-1]

    rest = visitor.get(url, headers={"Last-Event-ID": str(int(last) - 1)}).text
    assert [f"id: {last}"] == [line for line in rest.splitlines() if line.startswith("id: ")]
    assert 204 == visitor.get(url, headers={"Last-Event-ID": last}).status_code
    assert 422 == visitor.get(url, params={"after": "99"}).status_code
