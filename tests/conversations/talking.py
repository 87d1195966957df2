"""Talking to agents over HTTP, and reading streams as clients do."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

WAIT_SECONDS = 60


def made(answer: Any, status: int = 201) -> dict[str, Any]:
    """Return what a request made."""
    assert status == answer.status_code, answer.text
    return dict(answer.json())


def add_agent(http: httpx2.Client, *projects: str, **fields: Any) -> str:
    """Make an agent over projects and return its id."""
    body = {"name": "Guide", "projects": list(projects), **fields}
    return str(made(http.post("/v1/agents", json=body))["id"])


def begin(http: httpx2.Client, agent: str, **fields: Any) -> str:
    """Begin a session and return its id."""
    return str(made(http.post("/v1/sessions", json={"agent_id": agent, **fields}))["id"])


def say(http: httpx2.Client, session: str, content: str, **fields: Any) -> dict[str, Any]:
    """Send a message and return the answer's, which is not there yet."""
    url = f"/v1/sessions/{session}/messages"
    return made(http.post(url, json={"content": content, **fields}), 202)


def answered(http: httpx2.Client, message: dict[str, Any]) -> dict[str, Any]:
    """Return a message once its job has ended."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        url = f"/v1/messages/{message['message_id']}"
        now = http.get(url, params={"wait": 10}).json()
        if now["status"] in ("completed", "failed", "cancelled"):
            return dict(now)
    raise AssertionError(f"the message was not answered in {WAIT_SECONDS} s: {now}")


def talk(http: httpx2.Client, session: str, content: str, **fields: Any) -> dict[str, Any]:
    """Send a message and return its answer."""
    return answered(http, say(http, session, content, **fields))


def events_in(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Yield the events of a stream as they come."""
    for line in lines:
        if line.startswith("data:"):
            yield json.loads(line[5:])


@contextmanager
def listening(
    http: httpx2.Client, method: str, url: str, **options: Any
) -> Iterator[tuple[Any, Iterator[dict[str, Any]]]]:
    """Open a stream; give its response and its events as they come."""
    with http.stream(method, url, **options) as response:
        yield response, events_in(response.iter_lines())


def streamed_events(http: httpx2.Client, method: str, url: str, **options: Any) -> list[Any]:
    """Return all events of a stream that ends."""
    with listening(http, method, url, **options) as (response, events):
        assert 200 == response.status_code, response.read()
        return list(events)


def told(events: list[dict[str, Any]]) -> str:
    """Return the text that a client has which drops what it had at each restart."""
    text = ""
    for event in events:
        if event["type"] == "answer.restart":
            text = ""
        elif event["type"] == "answer.delta":
            text += event["text"]
    return text


def cited(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the citations of an answer that was streamed."""
    return next(event["citations"] for event in events if event["type"] == "answer.citations")
