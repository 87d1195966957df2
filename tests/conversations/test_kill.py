"""A streamed answer survives the death of its server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.chat.asking import QUESTION, add_library, http_to
from tests.conversations.served import served
from tests.conversations.talking import add_agent, begin, listening, streamed_events, told
from tests.fakes.openai_server import FakeOpenAI, streamed

PIECES = ["The warranty of the", " kettle lasts", " two years [1]."]


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI().running() as server:
        yield server


def test_killed_in_the_middle(
    tmp_path: Path, fake: FakeOpenAI, request: pytest.FixtureRequest
) -> None:
    """The answer begins anew, listeners are told so, and it is paid at most once more."""

    never = threading.Event()
    held_at = len(streamed(*PIECES[:1], finish_reason=None, usage=False, done=False).body)
    fake.replies += [streamed(*PIECES, until=never, held_at=held_at), streamed(*PIECES)]
    with served(tmp_path, fake, request) as server:
        with http_to(server) as http:
            session = begin(http, add_agent(http, add_library(http)))
            url = f"/v1/sessions/{session}/messages"
            body = {"content": QUESTION, "stream": True}
            seen = []
            with listening(http, "POST", url, json=body) as (response, events):
                for event in events:
                    seen.append(event)
                    if event["type"] == "answer.delta":
                        break
                server.kill()
        server.start()
        with http_to(server) as http:
            again = f"{response.headers['location']}/events"
            headers = {"Last-Event-ID": str(seen[-1]["number"])}
            seen += streamed_events(http, "GET", again, headers=headers)
            answer = http.get(url).json()["messages"][1]

    kinds = [event["type"] for event in seen]
    assert list(range(1, len(seen) + 1)) == [event["number"] for event in seen]
    assert 1 == kinds.count("answer.restart")
    assert 1 == kinds.count("job.completed")
    assert "".join(PIECES) == told(seen) == answer["content"]
    assert 2 == len(fake.requests)
