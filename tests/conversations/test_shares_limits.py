"""What a share gives is counted over all visitors and processes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.contract import problem_of
from tests.conversations.sharing import (
    add_agent,
    add_library,
    add_share,
    held,
    serving_fake,
    used,
    visiting,
)
from tests.fakes.openai_server import FakeOpenAI, failure
from tests.inprocess import InProcessServer, Tenant

from ragline.models import ShareUse

TOKENS = 18
"""What each answer of the fake takes."""
MOST_QUESTIONS = 20


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI().running() as server:
        yield server


@pytest.fixture(scope="module")
def server(
    fake: FakeOpenAI, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[InProcessServer]:
    """A server whose model is the fake."""
    with serving_fake(
        tmp_path_factory.mktemp("shares"),
        fake,
        lambda: request.getfixturevalue("postgres"),
        max_active_sessions=MOST_QUESTIONS,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def tenant(server: InProcessServer) -> Iterator[Tenant]:
    with server.tenant() as owner:
        yield owner


@pytest.fixture(scope="module")
def project(tenant: Tenant) -> str:
    return add_library(tenant)


@pytest.fixture
def agent(tenant: Tenant, project: str) -> str:
    return add_agent(tenant, project)


def test_parallel_questions_do_not_pass_the_limit(
    server: InProcessServer, tenant: Tenant, agent: str
) -> None:
    """Of twenty at once, exactly as many are taken as the share gives."""
    with visiting(server, add_share(tenant, agent, most_messages=5)) as visitor:
        sessions = [visitor.begin() for _ in range(20)]
        with ThreadPoolExecutor(20) as threads:
            answers = list(threads.map(visitor.ask, sessions))
        taken = [each.json()["message_id"] for each in answers if each.status_code == 202]
        refused = [each for each in answers if each.status_code != 202]
        assert (5, 15) == (len(taken), len(refused))
        for each in refused:
            problem_of(each, 429, "share-used-up")
        problem_of(visitor.post("/sessions"), 429, "share-used-up")
        assert ["completed"] * 5 == [visitor.ended(each)["status"] for each in taken]
        assert 0 == visitor.get("/agent").json()["limits"]["messages"]
    assert 5 == used(tenant, agent)["messages"]


def test_questions_in_a_minute(server: InProcessServer, tenant: Tenant, agent: str) -> None:
    """One too many is told when to come back, and is taken then."""
    with visiting(server, add_share(tenant, agent, per_minute=3)) as visitor:
        session = visitor.begin()
        for _ in range(3):
            visitor.ended(visitor.ask(session).json()["message_id"])
        refused = visitor.ask(session)
        _let_a_minute_pass(server)
        later = visitor.ended(visitor.ask(session).json()["message_id"])

    problem_of(refused, 429, "rate-limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert "completed" == later["status"]
    assert 4 == used(tenant, agent)["messages"]


def test_conversations_in_a_minute(server: InProcessServer, tenant: Tenant, agent: str) -> None:
    """Beginning them is held to the same number, apart from questions."""
    with visiting(server, add_share(tenant, agent, per_minute=2)) as visitor:
        answers = [visitor.post("/sessions") for _ in range(3)]

    assert [201, 201, 429] == [answer.status_code for answer in answers]


def test_what_is_sent_again_is_not_counted(
    server: InProcessServer, tenant: Tenant, agent: str
) -> None:
    """The last message that a share gives is answered again under its key."""
    with visiting(server, add_share(tenant, agent, most_messages=1, per_minute=1)) as visitor:
        session, key = visitor.begin(), "k" * 32
        answers = [visitor.ask(session, key=key) for _ in range(2)]
        visitor.ended(answers[0].json()["message_id"])

    assert [202, 202] == [answer.status_code for answer in answers]
    assert answers[0].json() == answers[1].json()


def test_tokens_are_counted(server: InProcessServer, tenant: Tenant, agent: str) -> None:
    """Answers are given until those that have ended took what the share gives."""
    with visiting(server, add_share(tenant, agent, most_tokens=TOKENS + 1)) as visitor:
        # Each in a conversation of its own: a second question there takes a call more.
        sessions = [visitor.begin() for _ in range(3)]
        for session in sessions[:2]:
            visitor.ended(visitor.ask(session).json()["message_id"])
        refused = visitor.ask(sessions[2])

    problem_of(refused, 429, "share-used-up")
    assert (2 * TOKENS, 0) == _tokens(tenant, agent)


def test_an_answer_under_way_holds_tokens(
    server: InProcessServer, fake: FakeOpenAI, tenant: Tenant, agent: str
) -> None:
    """Others wait for it where it may take all that is left."""
    with visiting(server, add_share(tenant, agent, most_tokens=1000)) as visitor:
        session = visitor.begin()
        with held(fake):
            first = visitor.ask(session).json()["message_id"]
            refused = visitor.ask(session)
            spent, reserved = _tokens(tenant, agent)
        visitor.ended(first)
        later = visitor.ended(visitor.ask(session).json()["message_id"])

    problem_of(refused, 429, "rate-limited")
    assert (0, True) == (spent, reserved > 1000)
    assert "completed" == later["status"]


def test_an_answer_that_was_stopped_counts_what_it_held(
    server: InProcessServer, fake: FakeOpenAI, tenant: Tenant, agent: str
) -> None:
    """Its provider is paid although nobody knows how much; tried again it is a second message."""
    with visiting(server, add_share(tenant, agent, most_tokens=10_000)) as visitor, held(fake):
        message = visitor.asked()
        visitor.until(message, lambda _: fake.under_way > 0)
        visitor.post(f"/messages/{message}/cancel")
        assert "cancelled" == visitor.ended(message)["status"]
        stopped = _tokens(tenant, agent)[0]
        assert 202 == visitor.post(f"/messages/{message}/retry").status_code
        assert "completed" == visitor.ended(message)["status"]

    assert stopped > 1000
    assert stopped + TOKENS == _tokens(tenant, agent)[0]
    assert 2 == used(tenant, agent)["messages"]


def test_an_answer_that_failed_is_tried_again_for_nothing(
    server: InProcessServer, fake: FakeOpenAI, tenant: Tenant, agent: str
) -> None:
    """The last message of a share is not lost to a failure; its reason names no server."""
    fake.replies.append(failure(401, "No key for http://10.0.0.1/ was sent."))
    with visiting(server, add_share(tenant, agent, most_messages=1)) as visitor:
        message = visitor.asked()
        failed = visitor.ended(message)
        again = visitor.post(f"/messages/{message}/retry", headers={"Idempotency-Key": "k" * 32})
        visitor.post(f"/messages/{message}/retry", headers={"Idempotency-Key": "k" * 32})
        completed = visitor.ended(message)

    assert ("failed", 202, "completed") == (
        failed["status"],
        again.status_code,
        completed["status"],
    )
    assert [] == [word for word in ("10.0.0.1", "openai") if word in str(failed["error"])]
    assert 1 == used(tenant, agent)["messages"]


def test_a_crowded_server_takes_no_more_of_visitors_either(
    server: InProcessServer, fake: FakeOpenAI, tenant: Tenant, agent: str
) -> None:
    """As many questions as the server takes are in progress: 503, and nothing is counted."""
    with visiting(server, add_share(tenant, agent)) as visitor, held(fake) as let_go:
        fake.replies += [fake.replies[0]] * (MOST_QUESTIONS - 1)
        asked = [visitor.asked() for _ in range(MOST_QUESTIONS)]
        refused = visitor.ask(visitor.begin())
        let_go.set()
        for each in asked:
            visitor.ended(each)

    problem_of(refused, 503, "overloaded")
    assert MOST_QUESTIONS == used(tenant, agent)["messages"]


def _let_a_minute_pass(server: InProcessServer) -> None:
    with server.runtime.database.write() as session:
        for use in session.scalars(sa.select(ShareUse)):
            use.created_at -= timedelta(minutes=1)


def _tokens(tenant: Tenant, agent: str) -> tuple[int, int]:
    share = used(tenant, agent)
    return share["tokens"], share["reserved_tokens"]
