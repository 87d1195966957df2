"""Responses in the background: queued, followed from any event on, cancelled, told of."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from tests.chat.asking import http_to, wait_until
from tests.fakes.openai_server import failure, streamed
from tests.openai_api.answering import (
    ANSWER,
    QUESTION,
    QUOTE,
    Desk,
    forget,
    numbers,
    open_desk,
    types,
)
from tests.webhooks.receiver import Receiver, receiving

RESULTS = "file_search_call.results"
ENDS = ["response.completed", "response.failed", "response.cancelled", "response.incomplete"]


@pytest.fixture(scope="module")
def opened(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("background")
    with open_desk(folder, request, webhook_private_addresses="true") as desk:
        yield desk


@pytest.fixture
def desk(opened: Desk) -> Desk:
    return forget(opened)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What lets replies through that wait for it."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def held(gate: threading.Event) -> Any:
    """Return a reply whose second half waits for the gate."""
    whole = streamed("The warranty", " lasts two years [1].")
    at = whole.body.index(b" lasts") - 100
    return streamed("The warranty", " lasts two years [1].", until=gate, held_at=at)


def followed(desk: Desk, response_id: str, **fields: Any) -> list[Any]:
    """Return the events of a response, from a number on if one is given."""
    return list(desk.client.responses.retrieve(response_id, stream=True, **fields))


def test_queued_then_completed(desk: Desk, gate: threading.Event) -> None:
    """A response in the background is queued, goes on alone, and completes."""

    desk.fake.replies.append(held(gate))
    made = desk.respond(background=True)
    under_way = desk.once(made.id, lambda status: status == "in_progress")
    gate.set()
    ended = desk.ended(made.id)

    assert ("queued", []) == (made.status, made.output)
    assert [] == under_way.output
    assert ("completed", ANSWER, 18) == (ended.status, ended.output_text, ended.usage.total_tokens)
    assert QUOTE == ended.output[0].content[0].annotations[0].to_dict()["quote"]
    assert made.background


def test_is_a_job(desk: Desk) -> None:
    """It is a job of kind chat, seen like every other."""

    made = desk.respond(background=True)
    desk.ended(made.id)
    with http_to(desk.server) as http:
        newest = http.get("/v1/jobs", params={"kind": "chat", "limit": 1}).json()["jobs"][0]

    assert ("chat", "completed", ANSWER) == (
        newest["kind"],
        newest["status"],
        newest["result"]["answer"],
    )


def test_followed_from_anywhere(desk: Desk) -> None:
    """The stream can be had again from any number on, with nothing missing and nothing twice."""

    made = desk.respond(
        background=True,
        tools=[{"type": "file_search", "vector_store_ids": [desk.store]}],
        include=[RESULTS],
    )
    events = followed(desk, made.id)

    assert list(range(len(events))) == numbers(events)
    assert ["response.created", "response.queued", "response.in_progress"] == types(events)[:3]
    assert "response.file_search_call.completed" in types(events)
    assert "response.completed" == events[-1].type
    for after in (0, 3, len(events) // 2, len(events) - 2, len(events) - 1):
        assert events[after + 1 :] == followed(desk, made.id, starting_after=after)
    assert events[-1].response == desk.client.responses.retrieve(made.id)
    assert QUOTE in events[-1].response.output[0].results[0].text


def test_broken_off_and_gone_on(desk: Desk, gate: threading.Event) -> None:
    """A stream that broke off while the model wrote goes on behind its last event."""

    desk.fake.replies.append(held(gate))
    stream = desk.respond(background=True, stream=True)
    seen = []
    for event in stream:
        seen.append(event)
        if event.type == "response.output_text.delta":
            break
    stream.close()
    gate.set()
    rest = followed(desk, seen[0].response.id, starting_after=seen[-1].sequence_number)

    whole = [*seen, *rest]
    assert list(range(len(whole))) == numbers(whole)
    words = [event.delta for event in whole if event.type == "response.output_text.delta"]
    assert ANSWER == "".join(words) == rest[-1].response.output_text


def test_over_a_killed_server(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, gate: threading.Event
) -> None:
    """A server that is killed loses nothing: the stream goes on behind its last event."""

    with open_desk(tmp_path_factory.mktemp("killed"), request) as desk:
        desk.fake.replies.append(held(gate))
        stream = desk.respond(background=True, stream=True)
        seen = []
        for event in stream:
            seen.append(event)
            if event.type == "response.output_text.delta":
                break
        desk.server.kill()
        stream.close()
        desk.server.start()
        rest = followed(desk, seen[0].response.id, starting_after=seen[-1].sequence_number)

    whole = [*seen, *rest]
    assert list(range(len(whole))) == numbers(whole)
    assert ("response.completed", ANSWER) == (rest[-1].type, rest[-1].response.output_text)
    done = [event.item.status for event in whole if event.type == "response.output_item.done"]
    assert ["incomplete", "completed"] == done


def test_cancelled(desk: Desk, gate: threading.Event) -> None:
    """A response that is cancelled stays so; its stream ends, and cancelling twice is allowed."""

    desk.fake.replies.append(held(gate))
    made = desk.respond(background=True)
    wait_until(lambda: len(desk.fake.requests) == 1)
    cancelled = [desk.client.responses.cancel(made.id) for _ in range(2)]
    last = followed(desk, made.id)[-1].to_dict()

    assert ["cancelled", "cancelled"] == [each.status for each in cancelled]
    assert ("response.cancelled", "cancelled") == (last["type"], last["response"]["status"])
    assert "cancelled" == desk.client.responses.retrieve(made.id).status
    assert desk.fake.hung_up.wait(60)


def test_cancelled_too_late(desk: Desk) -> None:
    """A response that has completed stays as it is."""

    made = desk.respond(background=True)
    ended = desk.ended(made.id)

    assert ended == desk.client.responses.cancel(made.id)


def test_failed(desk: Desk) -> None:
    """A response whose model refuses fails with the reason, as its stream does."""

    desk.fake.replies.append(failure(401, "Bad key."))
    made = desk.respond(background=True)
    ended = desk.ended(made.id)
    events = followed(desk, made.id)

    assert ("failed", "server_error") == (ended.status, ended.error.code)
    assert "API key" in ended.error.message
    assert ("response.failed", ended.error) == (events[-1].type, events[-1].response.error)


def test_tried_again(desk: Desk) -> None:
    """What fails for a moment is tried again, and its stream is one answer."""

    desk.fake.replies.append(failure(503, "Broken."))
    made = desk.respond(background=True)
    events = followed(desk, made.id)

    assert ("response.completed", ANSWER) == (events[-1].type, events[-1].response.output_text)


def test_incomplete(desk: Desk) -> None:
    """An answer that was cut off is incomplete."""

    desk.fake.replies.append(streamed("The warranty", finish_reason="length"))
    ended = desk.ended(desk.respond(background=True, max_output_tokens=2).id)

    assert ("incomplete", "max_output_tokens") == (ended.status, ended.incomplete_details.reason)


def test_goes_on_from_the_background(desk: Desk, gate: threading.Event) -> None:
    """A response goes on from one in the background once that has its answer, not before."""

    desk.fake.replies.append(held(gate))
    first = desk.respond(background=True)
    wait_until(lambda: len(desk.fake.requests) == 1)
    with pytest.raises(openai.BadRequestError) as early:
        desk.respond(input="And the lid?", previous_response_id=first.id)
    gate.set()
    desk.ended(first.id)
    desk.fake.requests.clear()
    second = desk.respond(input="And the lid?", previous_response_id=first.id, background=True)

    assert "previous_response_id" == early.value.param
    assert ANSWER == desk.ended(second.id).output_text
    assert QUESTION in str(desk.fake.requests[-1]["messages"])


def test_deleted(desk: Desk) -> None:
    """A response that was deleted is gone, and its words are gone from its job."""

    made = desk.respond("How long, dear reader, does the kettle's warranty last?", background=True)
    desk.ended(made.id)
    desk.client.responses.delete(made.id)
    with http_to(desk.server) as http:
        newest = http.get("/v1/jobs", params={"kind": "chat", "limit": 1}).json()["jobs"][0]
        told = http.get(f"/v1/jobs/{newest['id']}").text

    with pytest.raises(openai.NotFoundError):
        desk.client.responses.retrieve(made.id)
    assert "dear reader" not in told
    assert "warranty" not in told


def test_deleted_while_it_runs(desk: Desk, gate: threading.Event) -> None:
    """A response that is deleted while it is answered is stopped, and its words go."""

    desk.fake.replies.append(held(gate))
    made = desk.respond("How long, dear reader, does the kettle's warranty last?", background=True)
    wait_until(lambda: len(desk.fake.requests) == 1)
    desk.client.responses.delete(made.id)

    assert desk.fake.hung_up.wait(60)
    with http_to(desk.server) as http:
        newest = http.get("/v1/jobs", params={"kind": "chat", "limit": 1}).json()["jobs"][0]
        wait_until(lambda: http.get(f"/v1/jobs/{newest['id']}").json()["status"] == "cancelled")
        assert "dear reader" not in http.get(f"/v1/jobs/{newest['id']}").text
    with pytest.raises(openai.NotFoundError):
        desk.client.responses.retrieve(made.id)


def test_same_key(desk: Desk) -> None:
    """Under one idempotency key there is one response and one job."""

    headers = {"Idempotency-Key": "one in the background"}
    first = desk.respond(background=True, extra_headers=headers)
    again = desk.respond(background=True, extra_headers=headers)
    events = list(desk.respond(background=True, stream=True, extra_headers=headers))

    assert first.id == again.id == events[-1].response.id
    assert 1 == len(desk.fake.requests)


def test_unknown(desk: Desk) -> None:
    """A response that is not there is not found, whatever is asked of it."""

    for act in (
        desk.client.responses.retrieve,
        desk.client.responses.cancel,
        desk.client.responses.delete,
        desk.client.responses.input_items.list,
        lambda id: desk.client.responses.retrieve(id, stream=True),
    ):
        with pytest.raises(openai.NotFoundError):
            act("resp_nope")


def test_webhooks(desk: Desk, receiver: Receiver, gate: threading.Event) -> None:
    """Each end is told to those who want it, in the form that the official client verifies."""

    with http_to(desk.server) as http:
        hook = http.post("/v1/webhooks", json={"url": receiver.url, "events": ENDS}).json()
        desk.fake.replies += [
            streamed("The warranty lasts two years [1]."),
            streamed("The warranty", finish_reason="length"),
            failure(401, "Bad key."),
        ]
        made = []
        for _ in range(3):
            made.append(desk.respond(background=True).id)
            desk.ended(made[-1])
        desk.fake.replies.append(held(gate))
        made.append(desk.respond(background=True).id)
        wait_until(lambda: len(desk.fake.requests) == 4)
        desk.client.responses.cancel(made[-1])
        for _ in made:
            assert receiver.arrived.acquire(timeout=60)
        http.delete(f"/v1/webhooks/{hook['id']}")

    events = [
        desk.client.webhooks.unwrap(each.body, each.headers, secret=hook["secret"])
        for each in receiver.received
    ]
    # Deliveries go out side by side, so their order is not promised.
    ends = ["completed", "incomplete", "failed", "cancelled"]
    expected = {id: f"response.{end}" for id, end in zip(made, ends, strict=True)}
    assert expected == {event.data.id: event.type for event in events}
    assert len(made) == len(events)
    assert all(event.object == "event" and event.id.startswith("evt_") for event in events)


def test_webhooks_of_jobs(desk: Desk, receiver: Receiver) -> None:
    """Who does not name the events of responses is told of their jobs, as of all others."""

    with http_to(desk.server) as http:
        hook = http.post("/v1/webhooks", json={"url": receiver.url}).json()
        desk.ended(desk.respond(background=True).id)
        assert receiver.arrived.acquire(timeout=60)
        http.delete(f"/v1/webhooks/{hook['id']}")

    assert '"type":"job.completed"' in receiver.received[0].body
