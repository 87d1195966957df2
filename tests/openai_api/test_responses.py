"""Responses with the official client, answered while it waits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from tests.fakes.openai_server import completion, failure, streamed
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

RESULTS = "file_search_call.results"


@pytest.fixture(scope="module")
def opened(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Desk]:
    with open_desk(tmp_path_factory.mktemp("responses"), request) as desk:
        yield desk


@pytest.fixture
def desk(opened: Desk) -> Desk:
    return forget(opened)


def refusal(desk: Desk, **fields: Any) -> openai.APIStatusError:
    """Return the error that a request gets."""
    with pytest.raises(openai.APIStatusError) as caught:
        desk.respond(**fields)
    return caught.value


def search(desk: Desk, **fields: Any) -> dict[str, Any]:
    """Return the tool that searches the desk's project."""
    return {"type": "file_search", "vector_store_ids": [desk.store], **fields}


def test_created(desk: Desk) -> None:
    """A response has the words, where they stand, and what it took."""

    made = desk.respond(instructions="Be brief.", metadata={"k": "v"}, max_output_tokens=50)

    assert (ANSWER, "completed") == (made.output_text, made.status)
    cited = made.output[0].content[0].annotations[0]
    assert ("file_citation", "text.txt", 29) == (cited.type, cited.filename, cited.index)
    assert QUOTE == cited.to_dict()["quote"]
    assert (11, 7, 18) == (
        made.usage.input_tokens,
        made.usage.output_tokens,
        made.usage.total_tokens,
    )
    assert ("Be brief.", {"k": "v"}, 50) == (
        made.instructions,
        made.metadata,
        made.max_output_tokens,
    )
    assert "Be brief." in desk.fake.requests[0]["messages"][0]["content"]


def test_retrieved(desk: Desk) -> None:
    """A response is kept as it was given, with what it was asked."""

    made = desk.respond()

    assert made == desk.client.responses.retrieve(made.id)
    items = desk.client.responses.input_items.list(made.id).data
    assert [("user", QUESTION)] == [(item.role, item.content[0].text) for item in items]


def test_input_items_in_parts(desk: Desk) -> None:
    """Input items come in either order and in parts."""

    said = [{"role": "user", "content": f"{QUESTION} {n}"} for n in range(5)]
    made = desk.respond(input=said)
    pages = desk.client.responses.input_items.list(made.id, limit=2, order="asc")

    assert [f"{QUESTION} {n}" for n in range(5)] == [item.content[0].text for item in pages]
    newest = desk.client.responses.input_items.list(made.id, limit=1)
    assert (f"{QUESTION} 4", True) == (newest.data[0].content[0].text, newest.has_more)


def test_not_stored(desk: Desk) -> None:
    """What is not to be stored is not there afterwards."""

    made = desk.respond(store=False)

    assert ANSWER == made.output_text
    with pytest.raises(openai.NotFoundError):
        desk.client.responses.retrieve(made.id)


def test_deleted(desk: Desk) -> None:
    """A response that was deleted is not there any more."""

    made = desk.respond()
    desk.client.responses.delete(made.id)

    for act in (desk.client.responses.retrieve, desk.client.responses.delete):
        with pytest.raises(openai.NotFoundError):
            act(made.id)


def test_goes_on(desk: Desk) -> None:
    """A response goes on from another one: the model is told what was said."""

    first = desk.respond()
    second = desk.respond(input="And what of the filter?", previous_response_id=first.id)
    desk.fake.requests.clear()
    third = desk.respond(input="And the lid?", previous_response_id=second.id)

    told = [message["content"] for message in desk.fake.requests[-1]["messages"]]
    assert QUESTION in told[1]
    assert "And what of the filter?" in told[3]
    assert second.id == third.previous_response_id


def test_instructions_are_not_carried_over(desk: Desk) -> None:
    """The instructions of a response are not those of the next one."""

    first = desk.respond(instructions="Talk like a pirate.")
    desk.fake.requests.clear()
    desk.respond(input="And the lid?", previous_response_id=first.id)

    assert "pirate" not in str(desk.fake.requests)


def test_long_conversation(desk: Desk) -> None:
    """A conversation that is too long is refused, or cut where that is asked for."""

    long: list[Any] = []
    for number in range(8):
        long += [
            {"role": "user", "content": f"Question {number}"},
            {"role": "assistant", "content": "word " * 2000},
        ]
    asked = [*long, {"role": "user", "content": QUESTION}]
    error = refusal(desk, input=asked)
    made = desk.respond(input=asked, truncation="auto")

    assert (400, "input") == (error.status_code, error.param)
    assert ANSWER == made.output_text
    assert len(str(desk.fake.requests[-1])) < 40_000


def test_previous_that_is_unknown(desk: Desk) -> None:
    """Nothing goes on from a response that is not there."""

    first = desk.respond()
    desk.client.responses.delete(first.id)
    error = refusal(desk, previous_response_id=first.id)

    assert (400, "previous_response_id") == (error.status_code, error.param)


def test_answer_sent_back(desk: Desk) -> None:
    """The output of a response can be sent back as input, searches included."""

    first = desk.respond(tools=[search(desk)])
    asked = [
        {"role": "user", "content": QUESTION},
        *(item.model_dump() for item in first.output),
        {"role": "user", "content": "And the lid?"},
    ]

    assert ANSWER == desk.respond(input=asked).output_text


def test_file_search(desk: Desk) -> None:
    """With the tool a vector store is searched, and a model's own name is enough."""

    made = desk.respond(model="fake-2", tools=[search(desk, max_num_results=1)], include=[RESULTS])

    call, message = made.output
    assert ("file_search_call", "completed", QUESTION) == (call.type, call.status, call.queries[0])
    assert QUOTE in call.results[0].text
    assert call.results[0].file_id == message.content[0].annotations[0].file_id
    assert "fake-2" == desk.fake.requests[0]["model"]


def test_results_only_where_asked_for(desk: Desk) -> None:
    """What a search found is told where it is asked for, then or later."""

    made = desk.respond(tools=[search(desk)])
    later = desk.client.responses.retrieve(made.id, include=[RESULTS])

    assert made.output[0].results is None
    assert QUOTE in later.output[0].results[0].text


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"filters": {"type": "eq", "key": "made", "value": "never"}}, 0),
        ({"ranking_options": {"score_threshold": 0.99}}, 0),
        ({"ranking_options": {"ranker": "auto", "score_threshold": 0.01}}, 1),
    ],
)
def test_search_is_narrowed(
    desk: Desk, fields: dict[str, Any], count: int, background: bool
) -> None:
    """Filters and a least score decide what an answer may rest on."""

    made = desk.respond(tools=[search(desk, **fields)], include=[RESULTS], background=background)
    if background:
        desk.ended(made.id)
        made = desk.client.responses.retrieve(made.id, include=[RESULTS])

    assert count == len(made.output[0].results)
    assert count == len(made.output[1].content[0].annotations)


def test_streamed(desk: Desk) -> None:
    """A stream tells each item from its beginning to its end, and last the whole response."""

    events = list(desk.respond(stream=True, tools=[search(desk)], include=[RESULTS]))

    assert list(range(len(events))) == numbers(events)
    assert [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.file_search_call.in_progress",
        "response.file_search_call.searching",
        "response.file_search_call.completed",
        "response.output_item.done",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
    ] == types(events)[:10]
    assert [
        "response.output_text.annotation.added",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ] == types(events)[-5:]
    words = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert ANSWER == "".join(words)
    whole = events[-1].response
    assert whole == desk.client.responses.retrieve(whole.id, include=[RESULTS])


def test_stream_helper(desk: Desk) -> None:
    """The client's own gathering of a stream gives the response that is kept."""

    with desk.client.responses.stream(model=desk.model, input=QUESTION) as stream:
        final = stream.get_final_response()

    assert ANSWER == final.output_text
    assert final.id == desk.client.responses.retrieve(final.id).id


def test_cut_off(desk: Desk) -> None:
    """An answer that the longest length cut is incomplete, and says so."""

    desk.fake.replies.append(completion(finish_reason="length"))
    made = desk.respond(max_output_tokens=3)
    desk.fake.replies.append(streamed("The warranty", finish_reason="length"))
    events = list(desk.respond(stream=True))

    assert ("incomplete", "max_output_tokens") == (made.status, made.incomplete_details.reason)
    assert "response.incomplete" == events[-1].type


def test_model_fails(desk: Desk) -> None:
    """A model that fails is an error with its status, and nothing is kept."""

    desk.fake.replies.append(failure(503, "Broken."))
    error = refusal(desk)

    assert isinstance(error, openai.InternalServerError)
    assert "provider_unavailable" == error.code


def test_model_fails_in_a_stream(desk: Desk) -> None:
    """In a stream a failure is its last event; the message that was begun is ended."""

    whole = streamed("The warranty", " lasts two years [1].")
    desk.fake.replies.append(
        streamed("The warranty", " lasts two years [1].", sent=whole.body.index(b" lasts"))
    )
    events = list(desk.respond(stream=True))

    assert ["response.output_item.done", "response.failed"] == types(events)[-2:]
    assert "incomplete" == events[-2].item.status
    assert ("failed", "server_error") == (
        events[-1].response.status,
        events[-1].response.error.code,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("conversation", "conv_1"),
        ("max_tool_calls", 1),
        ("parallel_tool_calls", False),
        ("prompt", {"id": "p"}),
        ("prompt_cache_key", "k"),
        ("reasoning", {"effort": "low"}),
        ("service_tier", "flex"),
        ("text", {"format": {"type": "json_object"}}),
        ("tool_choice", "none"),
        ("top_logprobs", 3),
        ("top_p", 0.1),
        ("temperature", -1),
    ],
)
def test_refused_by_name(desk: Desk, name: str, value: object) -> None:
    """What cannot be honoured is refused, and `param` names it."""

    error = refusal(desk, extra_body={name: value})

    assert (400, name) == (error.status_code, error.param)
    assert [] == desk.fake.requests


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools.0.type"),
        ({"tools": [{"type": "function", "name": "f", "parameters": {}}]}, "tools.0.type"),
        ({"include": ["reasoning.encrypted_content"]}, "include.0"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input.0.message.type"),
        ({"input": [{"role": "assistant", "content": "Hello."}]}, "input"),
        ({"background": True, "store": False}, "store"),
        ({"stream_options": {"include_obfuscation": False}}, "stream_options"),
        ({"model": "fake-1"}, "model"),
    ],
)
def test_refused_details(desk: Desk, fields: dict[str, Any], param: str) -> None:
    """What is wrong within a parameter is named with its place."""

    error = refusal(desk, **fields)

    assert (400, param) == (error.status_code, error.param)


def test_unknown_store(desk: Desk) -> None:
    """A vector store that is not there is not found."""

    error = refusal(desk, tools=[{"type": "file_search", "vector_store_ids": ["vs_nope"]}])

    assert isinstance(error, openai.NotFoundError)


def test_same_key(desk: Desk) -> None:
    """Under one idempotency key there is one response, streamed or not, paid for once."""

    headers = {"Idempotency-Key": "the same response"}
    first = desk.respond(extra_headers=headers)
    again = desk.respond(extra_headers=headers)
    events = list(desk.respond(extra_headers=headers, stream=True))

    assert first == again == events[-1].response
    assert list(range(len(events))) == numbers(events)
    assert 1 == len(desk.fake.requests)


def test_not_in_the_background(desk: Desk) -> None:
    """What was answered at once can be neither cancelled nor followed."""

    made = desk.respond()
    for act in (
        lambda: desk.client.responses.cancel(made.id),
        lambda: desk.client.responses.retrieve(made.id, stream=True),
    ):
        with pytest.raises(openai.BadRequestError):
            act()
