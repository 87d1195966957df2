"""Answers in pieces: as they come, once each, over any number of connections."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from tests.chat.asking import QUESTION, add_library, ended, http_to, wait_until
from tests.conversations.served import served
from tests.conversations.talking import (
    add_agent,
    begin,
    listening,
    say,
    streamed_events,
    talk,
    told,
)
from tests.fakes.openai_server import FakeOpenAI, Reply, failure, streamed
from tests.servers import RunningServer

PIECES = ["The warranty", " lasts ![x](http://evil/", "?q) two", " years [1]."]
ANSWER = "The warranty lasts x two years [1]."


@dataclass(frozen=True)
class World:
    """A server whose model is a fake, a client, and a project that knows the answer."""

    server: RunningServer
    fake: FakeOpenAI
    http: httpx2.Client
    project: str

    @property
    def chat(self) -> str:
        """Where questions to the project are asked."""
        return f"/v1/projects/{self.project}/chat"

    def session(self) -> str:
        """Begin a session with a new agent."""
        return begin(self.http, add_agent(self.http, self.project))


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[World]:
    with (
        FakeOpenAI().running() as fake,
        served(tmp_path_factory.mktemp("streams"), fake, request) as server,
        http_to(server) as http,
    ):
        yield World(server, fake, http, add_library(http))


@pytest.fixture
def world(running: World) -> World:
    """The same, with nothing asked of the model yet."""
    running.fake.requests.clear()
    running.fake.replies.clear()
    running.fake.hung_up.clear()
    return running


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What lets answers through that wait for it."""
    event = threading.Event()
    yield event
    event.set()


def slow(gate: threading.Event, pieces: list[str] = PIECES) -> Reply:
    """Return an answer that stops behind its first two pieces until the gate opens."""
    held_at = len(streamed(*pieces[:2], finish_reason=None, usage=False, done=False).body)
    return streamed(*pieces, until=gate, held_at=held_at)


def asking() -> dict[str, Any]:
    """Return a question to be answered in pieces."""
    return {"question": QUESTION, "stream": True}


def test_events(world: World) -> None:
    """A stream tells of the retrieval, the pieces, citations and usage, and ends with the whole."""

    world.fake.replies.append(streamed(*PIECES))
    with listening(world.http, "POST", world.chat, json=asking()) as (response, events):
        seen = list(events)
    kinds = list(dict.fromkeys(event["type"] for event in seen))
    job = ended(world.http, seen[0]["job_id"])

    assert 200 == response.status_code
    assert "text/event-stream" == response.headers["content-type"].partition(";")[0]
    assert f"/v1/jobs/{job['id']}" == response.headers["location"]
    expected = "job.queued job.started answer.retrieval answer.delta answer.citations answer.usage"
    assert [*expected.split(), "job.completed"] == kinds
    assert list(range(1, len(seen) + 1)) == [event["number"] for event in seen]
    assert ANSWER == told(seen) == seen[-1]["answer"] == job["result"]["answer"]


def test_comes_as_it_is_written(world: World, gate: threading.Event) -> None:
    """The first words arrive while the model is still writing, and no part of an image does."""

    world.fake.replies.append(slow(gate))
    with listening(world.http, "POST", world.chat, json=asking()) as (_, events):
        first = next(event for event in events if event["type"] == "answer.delta")
        more = next(events)["text"] if "lasts" not in first["text"] else ""
        gate.set()
        rest = list(events)

    assert "The warranty lasts " == first["text"] + more
    assert "evil" not in str([first, rest])


def test_reconnected(world: World, gate: threading.Event) -> None:
    """Who comes back with the last id after a lost connection sees each event once."""

    world.fake.replies.append(slow(gate))
    seen = []
    with listening(world.http, "POST", world.chat, json=asking()) as (response, events):
        url = f"{response.headers['location']}/events"
        for event in events:
            seen.append(event)
            if event["type"] == "answer.delta":
                break
    gate.set()
    headers = {"Last-Event-ID": str(seen[-1]["number"])}
    seen += streamed_events(world.http, "GET", url, headers=headers)

    assert list(range(1, len(seen) + 1)) == [event["number"] for event in seen]
    assert ANSWER == told(seen)


def test_client_is_gone(world: World, gate: threading.Event) -> None:
    """An answer whose reader has left is finished and stored, and can be read from the start."""

    session = world.session()
    world.fake.replies.append(slow(gate))
    url = f"/v1/sessions/{session}/messages"
    body = {"content": QUESTION, "stream": True}
    with listening(world.http, "POST", url, json=body) as (response, events):
        next(event for event in events if event["type"] == "answer.delta")
    gate.set()
    ended(world.http, response.headers["location"].rpartition("/")[2])
    message = world.http.get(url).json()["messages"][1]
    again = streamed_events(world.http, "GET", f"/v1/messages/{message['message_id']}/events")

    assert ("completed", ANSWER) == (message["status"], message["content"])
    assert ANSWER == told(again)
    nothing = {"Last-Event-ID": str(again[-1]["number"])}
    left = world.http.get(f"/v1/messages/{message['message_id']}/events", headers=nothing)
    assert 204 == left.status_code


def test_asked_once(world: World) -> None:
    """The same streamed question under the same key is answered once, and told again."""

    headers = {"Idempotency-Key": "stream"}
    first, again = (
        streamed_events(world.http, "POST", world.chat, json=asking(), headers=headers)
        for _ in range(2)
    )

    assert first == again
    assert 1 == len(world.fake.requests)


def test_cancelled(world: World, gate: threading.Event) -> None:
    """Cancelling ends the call of the model while it is silent, and the stream with it."""

    world.fake.replies.append(slow(gate))
    with listening(world.http, "POST", world.chat, json=asking()) as (response, events):
        next(event for event in events if event["type"] == "answer.delta")
        world.http.post(f"{response.headers['location']}/cancel")
        hung_up = world.fake.hung_up.wait(5)
        seen = list(events)

    assert hung_up
    assert "job.cancelled" == seen[-1]["type"]


def test_other_jobs_write_no_pieces(world: World) -> None:
    """Where nobody asked for a stream, the job's events are those of any job."""

    job = talk(world.http, world.session(), QUESTION)["job_id"]
    events = streamed_events(world.http, "GET", f"/v1/jobs/{job}/events")

    assert ["job.queued", "job.started", "job.completed"] == [event["type"] for event in events]


def test_project_hears_no_pieces(world: World) -> None:
    """A project's stream tells of the answer, but not of its pieces."""

    job = streamed_events(world.http, "POST", world.chat, json=asking())[0]["job_id"]
    url = f"/v1/projects/{world.project}/events"
    seen = []
    with listening(world.http, "GET", url, params={"from": "start"}) as (_, events):
        for event in events:
            seen += [event["type"]] if event["job_id"] == job else []
            if seen[-1:] == ["job.completed"]:
                break

    assert "answer.usage" in seen
    assert "answer.delta" not in seen


def test_begun_anew(world: World) -> None:
    """Where a call breaks off and is made again, listeners are told to drop what they had."""

    broken = streamed("The wrong words.", " And more", finish_reason=None, usage=False, done=False)
    world.fake.replies += [broken, streamed(*PIECES)]

    seen = streamed_events(world.http, "POST", world.chat, json=asking())

    assert "answer.restart" in [event["type"] for event in seen], seen
    assert ANSWER == told(seen) == seen[-1]["answer"]


def test_three_tries(world: World) -> None:
    """Temporary trouble is tried three times, then the stream ends with the reason."""

    world.fake.replies += [failure(503, "Busy.") for _ in range(5)]

    seen = streamed_events(world.http, "POST", world.chat, json=asking())

    assert ("job.failed", 3) == (seen[-1]["type"], len(world.fake.requests))
    assert seen[-1]["error"]["retryable"]


def test_retried_under_a_key(world: World) -> None:
    """A retry is answered with the message as it is by then, and a repetition retries nothing."""

    world.fake.replies.append(failure(401, "Bad key."))
    failed = talk(world.http, world.session(), QUESTION)
    url, headers = f"/v1/messages/{failed['message_id']}/retry", {"Idempotency-Key": "again"}
    answers = [world.http.post(url, headers=headers).json() for _ in range(2)]
    ended(world.http, failed["job_id"])

    assert "failed" == failed["status"]
    assert "failed" not in [answer["status"] for answer in answers]
    assert [1, 1] == [answer["retry_count"] for answer in answers]


def test_retried(world: World) -> None:
    """A message that failed is answered at the second attempt, in the same stream."""

    world.fake.replies.append(failure(401, "Bad key."))
    failed = talk(world.http, world.session(), QUESTION)
    url = f"/v1/messages/{failed['message_id']}"
    accepted = world.http.post(f"{url}/retry", headers={"Idempotency-Key": failed["message_id"]})
    done = ended(world.http, failed["job_id"])
    message = world.http.get(url).json()

    assert ("failed", 202, "completed") == (failed["status"], accepted.status_code, done["status"])
    assert (1, None, "The warranty lasts two years [1].") == (
        message["retry_count"],
        message["error"],
        message["content"],
    )


def test_two_sessions_at_once(world: World, gate: threading.Event) -> None:
    """Sessions do not wait for each other."""

    world.fake.replies.append(streamed(*PIECES, until=gate))
    held = say(world.http, world.session(), QUESTION)
    wait_until(lambda: len(world.fake.requests) == 1)
    other = talk(world.http, world.session(), QUESTION)
    gate.set()

    assert "completed" == other["status"]
    assert "completed" == ended(world.http, held["job_id"])["status"]


def test_history_and_instructions(world: World) -> None:
    """The model is sent the owner's words, what was said before, and a search that stands alone."""

    agent = add_agent(
        world.http,
        world.project,
        instructions="Speak like a sailor.",
        answering={"temperature": 0.25, "most_tokens": 77},
    )
    session = begin(world.http, agent)
    talk(world.http, session, QUESTION)
    world.fake.requests.clear()
    world.fake.replies.append(streamed("warranty of the kettle filter"))
    answer = talk(world.http, session, "And the filter?")
    rewriting, asked = world.fake.requests
    sent = [(message["role"], message["content"]) for message in asked["messages"]]

    assert QUESTION in rewriting["messages"][-1]["content"]
    assert "Speak like a sailor." in sent[0][1]
    assert ("user", QUESTION) in sent
    assert (0.25, 77) == (asked["temperature"], asked.get("max_tokens") or 77)
    job = ended(world.http, answer["job_id"])
    assert 36 == job["tokens"] == answer["usage"]["prompt_tokens"] + 2 * 7
