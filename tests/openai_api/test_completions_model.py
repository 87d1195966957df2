"""Chat completions whose model is slow, fails or is cut off."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import openai
import pytest
from tests.chat.asking import wait_until
from tests.fakes.openai_server import completion, failure, streamed
from tests.openai_api.answering import ANSWER, QUESTION, QUOTE, Desk, forget, open_desk

MOST_QUESTIONS = 3


@pytest.fixture(scope="module")
def opened(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("completions")
    with open_desk(folder, request, max_active_sessions=MOST_QUESTIONS) as desk:
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


def test_usage(desk: Desk) -> None:
    """The tokens are the provider's, those of making the question stand alone included."""

    alone = desk.ask()
    messages = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": ANSWER},
        {"role": "user", "content": "And of the filter?"},
    ]
    leaning = desk.ask(messages=messages)

    assert (11, 7, 18) == tuple(
        getattr(alone.usage, name)
        for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    )
    assert 36 == leaning.usage.total_tokens


def test_what_is_asked(desk: Desk) -> None:
    """The provider is asked for what the request asks for, and wishes come below our rules."""

    desk.ask(
        messages=[
            {"role": "developer", "content": "Talk like a pirate."},
            {"role": "user", "content": QUESTION},
        ],
        temperature=0.25,
        max_completion_tokens=77,
    )

    sent = desk.fake.requests[0]
    assert 0.25 == sent["temperature"]
    assert 77 == (sent.get("max_completion_tokens") or sent.get("max_tokens"))
    rules = sent["messages"][0]["content"]
    assert rules.index("numbered passages only") < rules.index("Talk like a pirate.")


def test_first_words_first(desk: Desk, gate: threading.Event) -> None:
    """The first words arrive while the model still writes."""

    reply = streamed("The warranty", " lasts two years [1].", until=gate)
    desk.fake.replies.append(
        streamed(
            "The warranty lasts",
            " two years [1].",
            until=gate,
            held_at=reply.body.index(b"lasts two") - 40,
        )
    )
    chunks = iter(desk.ask(stream=True))
    words = ""
    while not words:
        words += next(chunks).choices[0].delta.content or ""

    assert not gate.is_set()
    gate.set()
    rest = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert "The warranty lasts two years [1]." == words + "".join(rest)


def test_cut_off(desk: Desk) -> None:
    """An answer that the model's limit cut says so."""

    desk.fake.replies.append(completion(finish_reason="length"))
    desk.fake.replies.append(streamed("The warranty", finish_reason="length"))

    reasons = {
        desk.ask(max_tokens=3).choices[0].finish_reason,
        list(desk.ask(stream=True))[-1].choices[0].finish_reason,
    }
    assert {"length"} == reasons


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("status", "expected", "code"),
    [(503, 503, "provider_unavailable"), (401, 502, "provider_error")],
)
def test_model_fails(desk: Desk, stream: bool, status: int, expected: int, code: str) -> None:
    """A model that fails before its first word is an error with its status."""

    desk.fake.replies.append(failure(status, "Broken."))
    with pytest.raises(openai.InternalServerError) as caught:
        desk.ask(stream=stream)

    assert (expected, code) == (caught.value.status_code, caught.value.code)


def test_model_fails_on_the_way(desk: Desk) -> None:
    """What breaks after the first words ends the stream with an error, not as if it were done."""

    whole = streamed("The warranty", " lasts two years [1].")
    desk.fake.replies.append(
        streamed("The warranty", " lasts two years [1].", sent=whole.body.index(b" lasts"))
    )
    chunks = iter(desk.ask(stream=True))
    assert "assistant" == next(chunks).choices[0].delta.role
    assert "The warranty" == next(chunks).choices[0].delta.content
    with pytest.raises(openai.APIError) as caught:
        next(chunks)

    assert "server_error" == caught.value.type


def test_client_leaves(desk: Desk, gate: threading.Event) -> None:
    """A client that leaves ends the model's call."""

    whole = streamed("The warranty", " lasts two years [1].")
    desk.fake.replies.append(
        streamed(
            "The warranty",
            " lasts two years [1].",
            until=gate,
            held_at=whole.body.index(b" lasts") - 100,
        )
    )
    stream = desk.ask(stream=True)
    next(iter(stream))
    stream.close()

    assert desk.fake.hung_up.wait(60)


def test_too_many(desk: Desk, gate: threading.Event) -> None:
    """Beyond the most questions at once the answer is 503, also for a stream."""

    whole = streamed("The warranty", " lasts two years [1].")
    held_at = whole.body.index(b" lasts") - 100
    desk.fake.replies += [
        streamed("The warranty", " lasts two years [1].", until=gate, held_at=held_at)
        for _ in range(MOST_QUESTIONS)
    ]
    streams = [desk.ask(stream=True) for _ in range(MOST_QUESTIONS)]
    wait_until(lambda: len(desk.fake.requests) == MOST_QUESTIONS)
    with pytest.raises(openai.InternalServerError) as caught:
        desk.ask(stream=True)

    assert (503, "overloaded") == (caught.value.status_code, caught.value.code)
    assert 1 <= int(caught.value.response.headers["retry-after"])
    gate.set()
    for stream in streams:
        assert "stop" == list(stream)[-1].choices[0].finish_reason


def test_paid_once(desk: Desk) -> None:
    """A request that is repeated under its key is not paid for again."""

    headers = {"Idempotency-Key": "paid once"}
    first = desk.ask(extra_headers=headers)
    again = desk.ask(extra_headers=headers)

    assert first == again
    assert 1 == len(desk.fake.requests)


def test_failure_is_not_kept(desk: Desk) -> None:
    """A request that failed is answered when it is repeated under its key."""

    headers = {"Idempotency-Key": "failed first"}
    desk.fake.replies.append(failure(503, "Broken."))
    with pytest.raises(openai.InternalServerError):
        desk.ask(extra_headers=headers)

    assert ANSWER == desk.ask(extra_headers=headers).choices[0].message.content


def test_nothing_found(desk: Desk) -> None:
    """Where there is nothing to answer from, no model is asked."""

    name = f"empty {len(desk.server.url)}"
    empty = desk.client.vector_stores.create(name=name).id.removeprefix("vs_")
    answer = desk.ask(model=f"project:{empty}")

    assert [] == answer.choices[0].message.annotations
    assert [] == desk.fake.requests


def test_retried_by_the_client(desk: Desk) -> None:
    """The official client tries again by itself what may be tried again."""

    desk.fake.replies.append(failure(503, "Broken."))
    patient = desk.client.with_options(max_retries=2)
    messages = [{"role": "user", "content": QUESTION}]
    answer = patient.chat.completions.create(model=desk.model, messages=messages)

    assert ANSWER == answer.choices[0].message.content
    assert 2 == len(desk.fake.requests)
    assert QUOTE in json.dumps(answer.to_dict())
