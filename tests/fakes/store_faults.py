"""What goes wrong between a client and a server that keeps vectors, in the order asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal


@dataclass(frozen=True)
class Fault:
    """One fault: a `status`, or a connection cut before or after the server did its work.

    `silent` never answers; the server acts on requests whose path holds `path` only.
    """

    kind: Literal["status", "cut_before", "cut_after", "silent"]
    path: str = ""
    status: int = 503
    retry_after: str | None = None


@dataclass
class Faults:
    """The faults that are left, and what was asked for."""

    left: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)

    def next(self, path: str) -> Fault | None:
        """Note a request; return the fault that hits it."""
        with self._lock:
            self.asked.append(path)
            for fault in self.left:
                if fault.path in path:
                    self.left.remove(fault)
                    return fault
        return None

    def count(self, path: str) -> int:
        """Return how many requests had this in their path."""
        with self._lock:
            return sum(path in each for each in self.asked)


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], faults: Faults) -> Iterator[str]:
    """Serve on a free port until the block ends, and give the address."""
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        faults.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that went away are what is tested."""


class FaultyHandler(BaseHTTPRequestHandler):
    """Answers `answer(method, path, body)` unless a fault comes first."""

    protocol_version = "HTTP/1.1"
    faults: Faults

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body."""
        raise NotImplementedError

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.faults.next(f"{self.command} {self.path}")
        if fault is not None and fault.kind == "silent":
            self.faults.over.wait(60)
        if fault is not None and fault.kind in ("silent", "cut_before"):
            self.close_connection = True
            return
        if fault is not None and fault.kind == "status":
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            self._send(fault.status, headers, b'{"status": {"error": "asked for by a test"}}')
            return
        reply = self.answer(self.command, self.path, body)
        if fault is not None:
            self.close_connection = True
            return
        self._send(*reply)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""
