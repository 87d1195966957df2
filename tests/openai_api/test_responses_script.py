"""The events of a streamed response, made of what happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragline.openai_api.responses_objects import Found, Head, Said
from ragline.openai_api.responses_script import Event, Script

HEAD = Head("resp_1", 1_700_000_000, {"model": "m"}, shows_search=True, shows_results=True)
NOTE = {"type": "file_citation", "index": 4, "file_id": "file-1", "filename": "a", "quote": "q"}
SAID = Said("one two [1]", [NOTE], 3, 4)
FOUND = Found(["why"], [{"file_id": "file-1"}])


def whole_of(events: Sequence[Event]) -> dict[str, Any]:
    """Return the response that the last event holds."""
    return dict(events[-1]["response"])


def test_numbers() -> None:
    """Events are numbered from 0 without gaps."""

    script = Script(HEAD)
    events = [
        *script.accepted(),
        *script.begun(),
        *script.searched(FOUND),
        *script.said("one "),
        *script.said("two [1]"),
        *script.answered(SAID, at=1),
    ]

    assert list(range(len(events))) == [event["sequence_number"] for event in events]
    assert ["response.created", "response.queued", "response.in_progress"] == [
        event["type"] for event in events[:3]
    ]
    assert "response.completed" == events[-1]["type"]


def test_whole() -> None:
    """The last event holds the search, the message with its citations, and the usage."""

    script = Script(HEAD)
    whole = whole_of([*script.searched(FOUND), *script.answered(SAID, at=1)])

    assert ["file_search_call", "message"] == [item["type"] for item in whole["output"]]
    assert [{"file_id": "file-1"}] == whole["output"][0]["results"]
    assert ("one two [1]", [NOTE]) == (
        whole["output"][1]["content"][0]["text"],
        whole["output"][1]["content"][0]["annotations"],
    )
    assert 7 == whole["usage"]["total_tokens"]


def test_search_that_nobody_asked_for() -> None:
    """A search is an item only where it was asked for."""

    script = Script(Head("resp_1", 0, {}))

    assert [] == script.searched(FOUND)
    assert ["message"] == [i["type"] for i in whole_of(script.answered(SAID, at=1))["output"]]


def test_interrupted() -> None:
    """An answer that is begun anew ends its first message as incomplete, and is told in another."""

    script = Script(HEAD)
    events = [*script.said("lost"), *script.interrupted(), *script.said("one ")]
    events += script.answered(SAID, at=1)

    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert ["incomplete", "completed"] == [item["status"] for item in done]
    assert 2 == len({item["id"] for item in done})
    assert [done[1]] == whole_of(events)["output"]


def test_other_words_at_the_end() -> None:
    """Where the whole answer does not begin with what was told, it is told in another message."""

    script = Script(HEAD)
    events = [*script.said("none of it"), *script.answered(SAID, at=1)]

    assert SAID.text == whole_of(events)["output"][-1]["content"][0]["text"]
    deltas = [event for event in events if event["type"] == "response.output_text.delta"]
    assert SAID.text == deltas[-1]["delta"]


def test_truncated() -> None:
    """An answer that was cut off is incomplete, and says why."""

    events = Script(HEAD).answered(Said("one", [], 1, 1, truncated=True), at=1)

    assert ("response.incomplete", "incomplete") == (
        events[-1]["type"],
        whole_of(events)["status"],
    )
    assert {"reason": "max_output_tokens"} == whole_of(events)["incomplete_details"]


def test_failed_then_renewed() -> None:
    """What failed can stand in line again: it is created once."""

    script = Script(HEAD)
    events = [*script.accepted(), *script.begun(), *script.said("a"), *script.failed({"code": "x"})]
    events += [*script.renewed(), *script.begun(), *script.answered(SAID, at=1)]

    names = [event["type"] for event in events]
    assert 1 == names.count("response.created")
    assert 2 == names.count("response.queued") == names.count("response.in_progress")
    assert "response.completed" == names[-1]


HAPPENINGS = st.lists(
    st.one_of(
        st.just(("begun",)),
        st.just(("searched", FOUND)),
        st.tuples(st.just("said"), st.sampled_from(["one ", "two", "x"])),
        st.just(("interrupted",)),
        st.just(("failed", {"code": "server_error", "message": "m"})),
        st.just(("renewed",)),
    ),
    max_size=12,
)


def played(happenings: Sequence[Any]) -> list[Event]:
    """Return the events of happenings that end with an answer."""
    script = Script(HEAD)
    events = script.accepted()
    for name, *arguments in happenings:
        events += getattr(script, name)(*arguments)
    return events + script.answered(SAID, at=1)


@given(HAPPENINGS)
def test_same_for_every_reader(happenings: list[Any]) -> None:
    """The same happenings give the same events with the same numbers."""

    assert played(happenings) == played(happenings)


@given(HAPPENINGS)
def test_items_are_whole(happenings: list[Any]) -> None:
    """Each item is added and done once, at one place, and deltas make its text."""

    events = played(happenings)
    added = {e["output_index"]: e for e in events if e["type"] == "response.output_item.added"}
    done = {e["output_index"]: e for e in events if e["type"] == "response.output_item.done"}
    assert list(range(len(added))) == list(added) == sorted(done)
    for index, event in done.items():
        if event["item"]["type"] == "message":
            told = "".join(
                e["delta"]
                for e in events
                if e["type"] == "response.output_text.delta" and e["output_index"] == index
            )
            assert event["item"]["content"][0]["text"] == told


@pytest.mark.parametrize("ending", ["failed", "cancelled"])
def test_ends_what_is_open(ending: str) -> None:
    """A message that is open when the response ends badly is ended as incomplete."""

    script = Script(HEAD)
    script.said("a")
    events = script.failed({"code": "x"}) if ending == "failed" else script.cancelled()

    assert f"response.{ending}" == events[-1]["type"]
    assert "incomplete" == events[-2]["item"]["status"]
