"""A server that speaks OpenAI's chat completions and fails on demand.

It keeps to the published protocol: https://platform.openai.com/docs/api-reference/chat and
https://platform.openai.com/docs/guides/error-codes.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    403: "permission_error",
    404: "invalid_request_error",
    429: "rate_limit_error",
}


@dataclass(frozen=True)
class Reply:
    """One answer: `delay` in seconds before it, `pause` after each byte, `sent` bytes of it.

    It is not sent before `until` is set; with `held_at` the first so many bytes of it are.
    `drips_headers` has the headers come byte by byte as well.
    """

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delay: float = 0
    pause: float = 0
    sent: int | None = None
    until: threading.Event | None = None
    held_at: int | None = None
    drips_headers: bool = False


def completion(
    content: object = "The warranty lasts two years [1].",
    *,
    finish_reason: str = "stop",
    refusal: str | None = None,
    model: str = "fake-1",
    **changes: Any,
) -> Reply:
    """Return a chat completion."""
    message = {"role": "assistant", "content": content, "refusal": refusal}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [
            {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }
    return Reply(json.dumps(body | changes.pop("fields", {})).encode(), **changes)


def streamed(
    *pieces: str,
    finish_reason: str | None = "stop",
    usage: bool = True,
    done: bool = True,
    model: str = "fake-1",
    **changes: Any,
) -> Reply:
    """Return a completion as server-sent events, one for each piece of text."""
    deltas: list[Any] = [{"role": "assistant", "content": ""}, *({"content": p} for p in pieces)]
    choices = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas]
    if finish_reason:
        choices.append([{"index": 0, "delta": {}, "finish_reason": finish_reason}])
    head = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": model,
    }
    chunks: list[dict[str, Any]] = [head | {"choices": each} for each in choices]
    if usage:
        tokens = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        chunks.append(head | {"choices": [], "usage": tokens})
    return events(*map(json.dumps, chunks), *(["[DONE]"] if done else []), **changes)


def events(*data: str, **changes: Any) -> Reply:
    """Return server-sent events with these data."""
    body = "".join(f"data: {each}\n\n" for each in data).encode()
    return Reply(body, content_type="text/event-stream", **changes)


def failure(
    status: int, message: str = "Something is wrong.", *, code: str | None = None, **headers: str
) -> Reply:
    """Return an error in OpenAI's form; underscores in header names become hyphens."""
    kind = ERROR_TYPES.get(status, "server_error")
    error = {"message": message, "type": kind, "param": None, "code": code}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(json.dumps({"error": error}).encode(), status, named)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away, which some tests want."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class FakeOpenAI:
    """Answers with the scripted replies in turn, then as `respond` says, or plainly."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.respond: Callable[[dict[str, Any]], Reply] | None = None
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.models = ["fake-1", "fake-2"]
        self.hung_up = threading.Event()
        self.under_way = 0
        self.most_at_once = 0
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": self}))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def record(self, headers: dict[str, str], body: bytes) -> Reply:
        """Keep a request and return the reply to it."""
        with self._lock:
            self.headers.append(headers)
            self.requests.append(json.loads(body))
            self.under_way += 1
            self.most_at_once = max(self.most_at_once, self.under_way)
            if self.replies:
                return self.replies.pop(0)
            if self.respond is not None:
                return self.respond(self.requests[-1])
            if not self.requests[-1].get("stream"):
                return completion()
            return streamed("The warranty", " lasts two", " years [", "1].")

    def hold(self, reply: Reply) -> None:
        """Wait as long as a reply wants to be waited for, but not beyond the server's end."""
        self.closing.wait(reply.delay)
        if reply.held_at is None:
            self._wait(reply.until)
        with self._lock:
            self.under_way -= 1

    def hold_middle(self, reply: Reply, connection: socket.socket) -> None:
        """Wait in the middle of a reply; note whether its receiver goes away meanwhile."""
        while not reply.until or not reply.until.is_set():
            if self.closing.is_set():
                return
            if select.select([connection], [], [], 0.02)[0]:
                self.hung_up.set()
                return

    def _wait(self, until: threading.Event | None) -> None:
        while until and not until.wait(0.02) and not self.closing.is_set():
            pass

    @contextmanager
    def running(self) -> Iterator[FakeOpenAI]:
        """Serve until the block ends; replies that are still waiting are cut short."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self.closing.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    fake: FakeOpenAI
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.fake.headers.append({k.lower(): v for k, v in self.headers.items()})
        data = [{"id": name, "object": "model"} for name in self.fake.models]
        is_list = self.path == "/v1/models" and self.fake.models
        body = json.dumps({"object": "list", "data": data}).encode()
        self._send(Reply(body) if is_list else failure(404))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        reply = self.fake.record({k.lower(): v for k, v in self.headers.items()}, body)
        if self.path != "/v1/chat/completions":
            reply = failure(404, f"Invalid URL (POST {self.path})")
        self.fake.hold(reply)
        try:
            self._send(reply)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.drips_headers:
            self._drip(b"".join(self._headers_buffer), reply.pause)
            self._headers_buffer = []
        self.end_headers()
        if reply.held_at is not None:
            self.wfile.write(reply.body[: reply.held_at])
            self.fake.hold_middle(reply, self.connection)
            reply = replace(reply, body=reply.body[reply.held_at :])
        self._drip(reply.body[: reply.sent], reply.pause)
        self.close_connection = True

    def _drip(self, body: bytes, pause: float) -> None:
        for part in [body[i : i + 1] for i in range(len(body))] if pause else [body]:
            self.wfile.write(part)
            self.fake.closing.wait(pause)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""
