"""A receiver of webhooks on this machine: it keeps what came, and answers as it is told."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """An answer: `fault` is `drip`, `drip-headers`, `huge`, `reset`, `wait` or none."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    fault: str | None = None


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: str


class Receiver(ThreadingHTTPServer):
    """Answers with `replies` in their order, and then always with `reply`."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply = Reply()
        self.replies: list[Reply] = []
        self.received: list[Received] = []
        self.let_go = threading.Event()
        self.arrived = threading.Semaphore(0)
        self.bytes_sent = 0
        self.port = int(self.server_address[1])
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hung up: that is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        body = self.rfile.read(length).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        replies = self.server.replies
        reply = replies.pop(0) if replies else self.server.reply
        self.server.received.append(Received(self.path, headers, body))
        self.server.arrived.release()
        getattr(self, f"_{(reply.fault or 'plain').replace('-', '_')}")(reply)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _head(self, reply: Reply, **headers: str) -> None:
        self.send_response(reply.status)
        for name, value in {**reply.headers, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _plain(self, reply: Reply) -> None:
        self._head(reply, **{"Content-Length": "2"})
        self.wfile.write(b"ok")

    def _wait(self, reply: Reply) -> None:
        self.server.let_go.wait(60)
        self._plain(reply)

    def _drip(self, reply: Reply) -> None:
        self._head(reply, **{"Content-Length": "100000"})
        while not self.server.let_go.wait(0.05):
            self.wfile.write(b".")

    def _drip_headers(self, reply: Reply) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.server.let_go.wait(0.05):
            self.wfile.write(b".")

    def _huge(self, reply: Reply) -> None:
        self._head(reply, **{"Content-Length": str(10**9)})
        for _ in range(1000):
            self.server.bytes_sent += self.wfile.write(b"x" * 10**6)

    def _reset(self, reply: Reply) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Give a running receiver; it is stopped at the end of the block."""
    receiver = Receiver(tls)
    thread = threading.Thread(target=receiver.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.let_go.set()
        receiver.shutdown()
        receiver.server_close()
        thread.join()
