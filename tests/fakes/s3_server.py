"""Servers in place of S3: one that keeps objects, one that only answers with a status."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
from moto.server import ThreadedMotoServer


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket on a server of this machine."""

    endpoint: str
    name: str

    def keys(self) -> list[str]:
        """Return the names of all objects."""
        text = self._get("?list-type=2")
        return sorted(part.partition("</Key>")[0] for part in text.split("<Key>")[1:])

    def unfinished(self) -> int:
        """Return the number of uploads in parts that were neither ended nor given up."""
        return self._get("?uploads").count("<UploadId>")

    def put(self, key: str, content: bytes) -> None:
        """Write an object from outside."""
        self._request("PUT", f"/{key}", content)

    def _get(self, query: str) -> str:
        return self._request("GET", query)

    def _request(self, method: str, rest: str, content: bytes = b"") -> str:
        url = f"{self.endpoint}/{self.name}{rest}"
        answer = httpx2.request(method, url, content=content, verify=False)
        assert answer.status_code == 200, answer.text
        return answer.text

    def make(self) -> Bucket:
        """Make the bucket itself."""
        self._request("PUT", "")
        return self


@contextmanager
def object_server() -> Iterator[str]:
    """Serve moto's objects in memory, over the S3 protocol; give the endpoint."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


class _Answer(BaseHTTPRequestHandler):
    status: int
    body: bytes

    def _reply(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.status)
        body = b"" if self.command == "HEAD" else self.body
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _reply

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def answering(status: int, code: str = "Any") -> Iterator[str]:
    """Answer every request with one status and one code of S3; give the endpoint."""
    body = f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode()
    handler = type("Handler", (_Answer,), {"status": status, "body": body})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
