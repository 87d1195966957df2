"""Answers of a session come in the order of its messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx2
import pytest
from tests.chat.asking import QUESTION, add_library, ended, http_to, wait_until
from tests.contract import problem_of
from tests.conversations.served import served
from tests.conversations.talking import add_agent, answered, begin, say
from tests.fakes.openai_server import FakeOpenAI, failure, streamed

FIRST = "The warranty lasts two years [1]."


@pytest.fixture(scope="module")
def shared() -> Iterator[FakeOpenAI]:
    with FakeOpenAI().running() as fake:
        yield fake


@pytest.fixture(scope="module")
def http(
    shared: FakeOpenAI, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[httpx2.Client]:
    folder = tmp_path_factory.mktemp("order")
    with served(folder, shared, request) as server, http_to(server) as client:
        yield client


@pytest.fixture(scope="module")
def agent(http: httpx2.Client) -> str:
    return add_agent(http, add_library(http))


@pytest.fixture
def session(http: httpx2.Client, agent: str) -> str:
    return begin(http, agent)


@pytest.fixture
def gate(shared: FakeOpenAI) -> Iterator[threading.Event]:
    """What lets the first answer through."""
    shared.requests.clear()
    shared.replies.clear()
    event = threading.Event()
    shared.replies.append(streamed(FIRST, until=event))
    yield event
    event.set()


def say_two(http: httpx2.Client, fake: FakeOpenAI, session: str) -> list[dict[str, str]]:
    """Send two messages, the first of which is being answered."""
    first = say(http, session, QUESTION)
    wait_until(lambda: len(fake.requests) == 1)
    return [first, say(http, session, "And of its filter?")]


def test_waits(
    http: httpx2.Client, shared: FakeOpenAI, session: str, gate: threading.Event
) -> None:
    """A message sent meanwhile is taken, says what it waits for, and sees the answer before it."""

    first, second = say_two(http, shared, session)
    waiting = http.get(f"/v1/messages/{second['message_id']}").json()
    gate.set()
    done = answered(http, second)

    assert ("pending", f"job:{first['job_id']}") == (waiting["status"], waiting["waiting_for"])
    assert waiting == second
    assert ("completed", None) == (done["status"], done["waiting_for"])
    sent = [message["content"] for message in shared.requests[-1]["messages"]]
    assert QUESTION in sent
    before = answered(http, first)
    assert before["processing_completed_at"] <= done["processing_started_at"]


def test_goes_on_after_a_failure(
    http: httpx2.Client, shared: FakeOpenAI, session: str, gate: threading.Event
) -> None:
    """A message goes on when the one before it has failed, without what that was about."""

    shared.replies[:] = [failure(401, "Bad key.", **{"x": "y"})]
    shared.replies[0] = streamed(FIRST, until=gate, done=False, finish_reason=None, status=401)
    first, second = say_two(http, shared, session)
    gate.set()

    assert ("failed", "completed") == (
        answered(http, first)["status"],
        answered(http, second)["status"],
    )


@pytest.mark.parametrize("which", [0, 1])
def test_goes_on_after_a_cancel(
    http: httpx2.Client, shared: FakeOpenAI, session: str, gate: threading.Event, which: int
) -> None:
    """A message goes on when one before it was cancelled, but not before all have ended."""

    messages = say_two(http, shared, session)
    messages.append(say(http, session, QUESTION))
    http.post(f"/v1/messages/{messages[which]['message_id']}/cancel")
    cancelled = answered(http, messages[which])
    if which == 1:
        last = http.get(f"/v1/messages/{messages[2]['message_id']}").json()
        assert f"job:{messages[0]['job_id']}" == last["waiting_for"]
    gate.set()
    others = [answered(http, each) for each in messages if each is not messages[which]]

    assert "cancelled" == cancelled["status"]
    assert ["completed"] * 2 == [each["status"] for each in others]


def test_most(http: httpx2.Client, shared: FakeOpenAI, session: str, gate: threading.Event) -> None:
    """Beyond five unanswered messages a session takes no more, and says so."""

    sent = [*say_two(http, shared, session), *(say(http, session, QUESTION) for _ in range(3))]
    url = f"/v1/sessions/{session}/messages"

    problem_of(http.post(url, json={"content": QUESTION}), 409, "conflict")
    gate.set()
    assert {"completed"} == {answered(http, each)["status"] for each in sent}


def test_deleted_while_answering(
    http: httpx2.Client, shared: FakeOpenAI, session: str, gate: threading.Event
) -> None:
    """Deleting a session cancels what is open, and leaves none of its words in a job."""

    messages = say_two(http, shared, session)
    receipt = http.delete(f"/v1/sessions/{session}").json()
    jobs = [ended(http, each["job_id"]) for each in messages]

    assert (4, 2) == (receipt["messages"], receipt["cancelled"])
    assert ["cancelled"] * 2 == [job["status"] for job in jobs]
    assert [{"erased": True}] * 2 == [job["inputs"] for job in jobs]
