"""What the client makes of answers that a healthy Ragline does not give."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ragline.client import Client, ClientProblem

BUSY = {"type": "/problems/overloaded", "title": "Overloaded", "status": 503, "detail": "Busy."}
JOBS = {"jobs": [], "has_more": False}
Reply = tuple[int, object, dict[str, str]]


@contextmanager
def answering(*replies: Reply) -> Iterator[tuple[Client, list[str]]]:
    """Give a client whose server answers with these in turn, and the requests it received."""
    left, seen = list(replies), list[str]()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body, headers = left.pop(0)
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            seen.append(self.path)
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(content))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with Client(f"http://127.0.0.1:{server.server_port}") as client:
            yield client, seen
        server.shutdown()
        thread.join()


def test_an_overloaded_server_is_asked_again() -> None:
    """A 503 with Retry-After leads to the same request, not to an error."""
    with answering((503, BUSY, {"Retry-After": "0"}), (200, JOBS, {})) as (client, seen):
        assert [] == list(client.jobs())

    assert seen == [seen[0]] * 2


def test_a_server_that_stays_overloaded_is_given_up() -> None:
    """After some tries the server's own words are raised, as something to retry."""
    replies: list[Reply] = [(503, BUSY, {"Retry-After": "0"})] * 6
    with (
        answering(*replies) as (client, _),
        pytest.raises(ClientProblem, match="Busy") as caught,
    ):
        list(client.jobs())

    assert caught.value.retryable


@pytest.mark.parametrize("status", [200, 404, 500])
def test_a_stranger_is_told_as_one(status: int) -> None:
    """What answers with something else than Ragline's JSON is named by its URL."""
    with (
        answering((status, "<html>It works!</html>", {})) as (client, _),
        pytest.raises(ClientProblem, match="does not look like Ragline: check RAGLINE_URL"),
    ):
        list(client.jobs())


def test_fields_of_a_newer_server_are_kept() -> None:
    """A field that this version does not know is handed on."""
    project = {"id": "p", "name": "zoo", "created_at": "2026-11-22T00:00:00Z", "colour": "red"}
    page = {"projects": [project], "has_more": False}
    with answering((200, page, {})) as (client, _):
        (found,) = client.projects()

    assert "red" == found.model_dump()["colour"]
