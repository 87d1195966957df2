"""What a response and its parts look like in OpenAI's interface; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
Item = dict[str, Any]
LONGEST_ANSWER = "max_output_tokens"


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a response from its start; `told` are the fields that repeat the request.

    `shows_search` says that the search is an item of its own, `shows_results` that it tells
    what was found.
    """

    id: str
    created_at: int
    told: Mapping[str, Any]
    shows_search: bool = False
    shows_results: bool = False

    def name(self, kind: str, number: int = 0) -> str:
        """Return the id of one of its items, the same each time it is asked for."""
        return f"{kind}_{self.id.removeprefix('resp_')}{number or ''}"


@dataclass(frozen=True, slots=True)
class Found:
    """What was searched for and found; `results` as a `file_search_call` tells them."""

    queries: Sequence[str]
    results: Sequence[Mapping[str, Any]] = field(default=())


@dataclass(frozen=True, slots=True)
class Said:
    """A whole answer; `truncated` says that it was cut at its longest."""

    text: str
    annotations: Sequence[Mapping[str, Any]]
    input_tokens: int
    output_tokens: int
    truncated: bool = False


def response(
    head: Head,
    status: Status,
    *,
    output: Sequence[Item] = (),
    usage: Mapping[str, Any] | None = None,
    error: Mapping[str, Any] | None = None,
    completed_at: int | None = None,
) -> dict[str, Any]:
    """Return a response in one of its states."""
    cut = {"reason": LONGEST_ANSWER} if status == "incomplete" else None
    return {
        "id": head.id,
        "object": "response",
        "created_at": head.created_at,
        "status": status,
        "completed_at": completed_at,
        "error": error,
        "incomplete_details": cut,
        **head.told,
        "output": list(output),
        "usage": usage,
    }


def search_item(head: Head, found: Found | None) -> Item:
    """Return the item that tells of a search, which is at work as long as nothing is found."""
    item: Item = {
        "id": head.name("fs"),
        "type": "file_search_call",
        "status": "completed" if found else "in_progress",
        "queries": list(found.queries) if found else [],
        "results": None,
    }
    if found and head.shows_results:
        item["results"] = [dict(result) for result in found.results]
    return item


def message_item(
    head: Head, status: Literal["in_progress", "completed", "incomplete"], number: int = 0
) -> Item:
    """Return a message without content, the `number`-th that was begun, counted from 0."""
    return {
        "id": head.name("msg", number),
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [],
    }


def text_part(text: str, annotations: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Return a message's part of text."""
    return {
        "type": "output_text",
        "text": text,
        "annotations": [dict(each) for each in annotations],
        "logprobs": [],
    }


def usage_of(said: Said) -> dict[str, Any]:
    """Return the tokens that an answer took."""
    return {
        "input_tokens": said.input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": said.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": said.input_tokens + said.output_tokens,
    }


def output_text(output: Sequence[Mapping[str, Any]]) -> str:
    """Return what the messages of an output say."""
    return "".join(
        part["text"]
        for item in output
        if item["type"] == "message"
        for part in item["content"]
        if part["type"] == "output_text"
    )


def said_again(ended: Mapping[str, Any]) -> Said:
    """Return the answer of a response that has ended with one."""
    parts = [
        part for item in ended["output"] if item["type"] == "message" for part in item["content"]
    ]
    return Said(
        output_text(ended["output"]),
        [note for part in parts for note in part["annotations"]],
        ended["usage"]["input_tokens"],
        ended["usage"]["output_tokens"],
        truncated=ended["status"] == "incomplete",
    )
