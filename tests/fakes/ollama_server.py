"""A server that speaks Ollama's own protocol, without models.

It keeps to the published protocol: https://docs.ollama.com/api. No Ollama was at hand to compare
it with.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """One answer, of which only `sent` bytes may come."""

    body: bytes
    status: int = 200
    sent: int | None = None


def lines(*events: dict[str, Any], **changes: Any) -> Reply:
    """Return lines of JSON."""
    return Reply("".join(json.dumps(event) + "\n" for event in events).encode(), **changes)


def said(*pieces: str, model: str = "llama3.2", done_reason: str | None = "stop") -> Reply:
    """Return an answer in pieces; without a reason it never ends."""
    head = {"model": model, "created_at": "2025-10-26T17:15:24.097767Z"}
    events: list[dict[str, Any]] = [
        head | {"message": {"role": "assistant", "content": piece}, "done": False}
        for piece in pieces
    ]
    if done_reason:
        counts = {"total_duration": 5, "prompt_eval_count": 11, "eval_count": 7}
        message = {"role": "assistant", "content": ""}
        done = {"message": message, "done": True, "done_reason": done_reason}
        events.append(head | done | counts)
    return lines(*events)


def failure(status: int, error: str) -> Reply:
    """Return an error in Ollama's form."""
    return Reply(json.dumps({"error": error}).encode(), status)


class FakeOllama:
    """Answers for the models it holds; scripted replies go before."""

    def __init__(self) -> None:
        self.models = ["llama3.2:latest"]
        self.replies: list[Reply] = []
        self.pulls: list[Reply] = []
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[FakeOllama]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """Return what was posted to a path."""
        return [body for to, body in self.requests if to == path]

    def reply(self, path: str, body: dict[str, Any]) -> Reply:
        """Keep a request and return the reply to it."""
        self.requests.append((path, body))
        if path == "/api/pull":
            return self._pull(body)
        if path != "/api/chat":
            return Reply(b"404 page not found", 404)
        if self.replies:
            return self.replies.pop(0)
        model = body["model"]
        if not {model, f"{model}:latest"} & set(self.models):
            return failure(404, f"model '{model}' not found")
        return said("The warranty", " lasts two", " years [", "1].", model=model)

    def _pull(self, body: dict[str, Any]) -> Reply:
        if self.pulls:
            return self.pulls.pop(0)
        self.models.append(body["model"])
        layer = {"status": "pulling 74701a8c35f6", "total": 100, "completed": 100}
        return lines({"status": "pulling manifest"}, layer, {"status": "success"})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                models = [{"name": name, "size": 1} for name in fake.models]
                is_list = self.path == "/api/tags"
                self._send(lines({"models": models}) if is_list else Reply(b"", 404))

            def do_POST(self) -> None:
                fake.headers.append({k.lower(): v for k, v in self.headers.items()})
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._send(fake.reply(self.path, body))

            def _send(self, reply: Reply) -> None:
                self.send_response(reply.status)
                self.send_header("Content-Type", "application/x-ndjson")
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body[: reply.sent])

            def log_message(self, format: str, *args: object) -> None:
                """Stay silent."""

        return Handler
