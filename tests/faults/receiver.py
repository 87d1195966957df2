"""A receiver of webhooks that notes every message and refuses some of them once."""

from __future__ import annotations

import json
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Message:
    """A message as it came: its id, its body, and whether it was taken."""

    id: str
    body: str
    taken: bool

    @property
    def event(self) -> tuple[str, int]:
        """The job and the number of the event that it tells of."""
        data = json.loads(self.body)["data"]
        return data["job_id"], data["number"]


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of senders that were killed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Receiver:
    """Takes messages; each is refused with 500 at first, with the probability `refuses`."""

    def __init__(self, seed: int, *, refuses: float) -> None:
        self.messages: list[Message] = []
        self.refuses = refuses
        self._chance = random.Random(seed)
        self._seen: set[str] = set()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    @contextmanager
    def running(self) -> Iterator[Receiver]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def note(self, id: str, body: str) -> bool:
        """Keep a message and tell whether it is taken."""
        with self._lock:
            taken = id in self._seen or self._chance.random() >= self.refuses
            self._seen.add(id)
            self.messages.append(Message(id, body, taken))
            return taken

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                taken = receiver.note(self.headers["webhook-id"], body)
                self.send_response(204 if taken else 500)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Stay silent."""

        return Handler
