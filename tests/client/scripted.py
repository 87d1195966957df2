"""A server that answers what a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BUSY = {"type": "/problems/overloaded", "title": "Overloaded", "status": 503, "detail": "Busy."}
Reply = tuple[int, object, dict[str, str]]
OVERLOADED: Reply = (503, BUSY, {"Retry-After": "0"})


@dataclass(frozen=True)
class Asked:
    """A request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Script:
    """Where the server listens, and what it was asked."""

    url: str
    asked: list[Asked] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for, in their order."""
        return [one.path for one in self.asked]


@contextmanager
def answering(*replies: Reply, always: Reply | None = None) -> Iterator[Script]:
    """Serve these answers in turn, then always the last one, if it is given.

    A body that is no text is sent as JSON. An answer longer than its `Content-Length` breaks.
    """
    left = list(replies)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.asked.append(Asked(self.command, self.path, headers, self.rfile.read(length)))
            reply = left.pop(0) if left else always
            assert reply is not None, f"nobody told what to answer to {self.path}"
            status, body, more = reply
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        script = Script(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()
