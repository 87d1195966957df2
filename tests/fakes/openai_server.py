"""A server that speaks OpenAI's chat completions and fails on demand.

It keeps to the published protocol: https://platform.openai.com/docs/api-reference/chat and
https://platform.openai.com/docs/guides/error-codes.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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

    It is not sent before `until` is set.
    """

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delay: float = 0
    pause: float = 0
    sent: int | None = None
    until: threading.Event | None = None


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
    """Answers with the scripted replies in turn, then with a plain completion."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.under_way = 0
        self.most_at_once = 0
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def record(self, headers: dict[str, str], body: bytes) -> Reply:
        """Keep a request and return the reply to it."""
        with self._lock:
            self.headers.append(headers)
            self.requests.append(json.loads(body))
            self.under_way += 1
            self.most_at_once = max(self.most_at_once, self.under_way)
            return self.replies.pop(0) if self.replies else completion()

    def hold(self, reply: Reply) -> None:
        """Wait as long as a reply wants to be waited for, but not beyond the server's end."""
        self.closing.wait(reply.delay)
        while reply.until and not reply.until.wait(0.02) and not self.closing.is_set():
            pass
        with self._lock:
            self.under_way -= 1

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

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                reply = fake.record({k.lower(): v for k, v in self.headers.items()}, body)
                if self.path != "/v1/chat/completions":
                    reply = failure(404, f"Invalid URL (POST {self.path})")
                fake.hold(reply)
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
                self.end_headers()
                for part in self._parts(reply):
                    self.wfile.write(part)
                    fake.closing.wait(reply.pause)
                self.close_connection = reply.sent is not None

            def _parts(self, reply: Reply) -> list[bytes]:
                body = reply.body[: reply.sent]
                return [body[i : i + 1] for i in range(len(body))] if reply.pause else [body]

            def log_message(self, format: str, *args: object) -> None:
                """Stay silent."""

        return Handler
