"""Following a stream of events over dropped connections and restarts of the server."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2
from pydantic import ValidationError

from ragline.client.connection import TRIES, pause
from ragline.client.models import Event
from ragline.client.problems import ClientProblem, ServerUnreachable, problem_of, stranger

SILENCE_SECONDS = 45.0
"""Longest time without a heartbeat, which the server sends every 15 s."""


def follow(http: httpx2.Client, url: str, path: str, *, after: str | None) -> Iterator[Event]:
    """Yield the events of a stream until the server says that nothing more will come.

    Where the connection drops or the server ends it, it is opened again behind the last
    event that arrived, after a pause. Where it cannot be opened several times in a row, the
    last reason is raised.
    """
    stream = _Stream(http, url, path, after)
    failures = 0
    while True:
        known = stream.last_id
        reason: ClientProblem | ServerUnreachable | None = None
        try:
            yield from stream.events()
        except httpx2.TransportError as error:
            reason = ServerUnreachable(url, error)
        except ClientProblem as problem:
            if not problem.retryable:
                raise
            reason = problem
        if stream.is_over:
            return
        failures = 0 if stream.was_open else failures + 1
        if reason is not None and failures == TRIES:
            raise reason
        if stream.last_id == known:
            time.sleep(pause(max(failures, 1), getattr(reason, "retry_after", None)))


class _Stream:
    """The place in a stream, over all of its connections."""

    def __init__(self, http: httpx2.Client, url: str, path: str, last_id: str | None) -> None:
        self.last_id = last_id
        self.was_open = False
        self.is_over = False
        self._http = http
        self._url = url
        self._path = path

    def events(self) -> Iterator[Event]:
        """Yield the events of one connection."""
        self.was_open = False
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        timeout = httpx2.Timeout(SILENCE_SECONDS, connect=10)
        with self._http.sse(self._path, headers=headers, timeout=timeout) as source:
            response = source.response
            if response.status_code == httpx2.codes.NO_CONTENT:
                self.is_over = True
                return
            if not response.is_success:
                response.read()
                raise problem_of(response)
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise stranger(response)
            self.was_open = True
            for sent in source:
                self.last_id = sent.id or self.last_id
                if sent.data:
                    yield self._event(sent, response)

    def _event(self, sent: httpx2.ServerSentEvent, response: httpx2.Response) -> Event:
        try:
            event = Event.model_validate_json(sent.data)
        except ValidationError:
            raise stranger(response) from None
        return event.model_copy(update={"id": sent.id})
