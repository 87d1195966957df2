"""Bodies over their limit."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator

import httpx2
import psutil
import pytest
import uvicorn
from tests.contract import problem_of

from ragline import bootstrap
from ragline.accounts import service as accounts
from ragline.main import create_app
from ragline.settings import load_settings

KEY = "a-key-for-these-tests"
UPLOAD_BYTES = 1024**2
TEXT_BYTES = 64 * 1024
HUGE = 10 * 1024**3
GROWTH_BYTES = 50 * 1024**2


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """A server with small limits; it accepts work and runs none."""
    settings = load_settings(
        _env_file=None,
        data_dir=tmp_path_factory.mktemp("small"),
        api_key=KEY,
        max_upload_bytes=UPLOAD_BYTES,
        max_text_bytes=TEXT_BYTES,
    )
    runtime = bootstrap.build(settings)
    accounts.ensure_first_key(runtime)
    config = uvicorn.Config(create_app(runtime), host="127.0.0.1", port=0, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()
    server.should_exit = True
    thread.join()
    assert [] == list((settings.files_dir / "incoming").iterdir())
    runtime.close()


@pytest.fixture
def http(address: tuple[str, int]) -> Iterator[httpx2.Client]:
    """A client with the first key."""
    url = f"http://{address[0]}:{address[1]}"
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx2.Client(base_url=url, headers=headers, verify=False) as client:
        yield client


@pytest.fixture
def project(http: httpx2.Client, request: pytest.FixtureRequest) -> str:
    """A project of its own."""
    return str(http.post("/v1/projects", json={"name": request.node.name}).json()["id"])


def head(path: str, *lines: str) -> bytes:
    """Return the head of a request with the key."""
    first = (f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {KEY}")
    return ("\r\n".join((*first, *lines)) + "\r\n\r\n").encode()


def test_declared_upload(http: httpx2.Client, project: str) -> None:
    """An upload that says it is over the limit is refused."""

    files = {"file": ("big.txt", b"x" * (UPLOAD_BYTES + 1))}
    answer = http.post(f"/v1/projects/{project}/documents", files=files)

    assert str(UPLOAD_BYTES) in problem_of(answer, 413, "too-large")["detail"]


def test_nothing_is_left_of_a_refused_upload(http: httpx2.Client, project: str) -> None:
    """A refused upload leaves no document."""

    files = {"file": ("big.txt", b"x" * (UPLOAD_BYTES + 1))}
    http.post(f"/v1/projects/{project}/documents", files=files)

    assert [] == http.get(f"/v1/projects/{project}/documents").json()["documents"]


def test_upload_within_the_limit(http: httpx2.Client, project: str) -> None:
    """An upload just within the limit is taken."""

    files = {"file": ("fits.txt", b"words " * (UPLOAD_BYTES // 8))}
    answer = http.post(f"/v1/projects/{project}/documents", files=files)

    assert 202 == answer.status_code


def test_declared_json(http: httpx2.Client, project: str) -> None:
    """A JSON body over its own, lower limit is refused."""

    answer = http.post(f"/v1/projects/{project}/documents", json={"text": "x" * TEXT_BYTES})

    assert str(TEXT_BYTES) in problem_of(answer, 413, "too-large")["detail"]


@pytest.mark.parametrize("path", ["/v1/projects", "/v1/keys", "/v1/projects/x/search"])
def test_chunked_json(http: httpx2.Client, path: str) -> None:
    """A JSON body that does not tell its length is cut at the limit."""

    pieces = (b" " * 8192 for _ in range(2 * TEXT_BYTES // 8192))
    answer = http.post(path, content=pieces, headers={"content-type": "application/json"})

    problem_of(answer, 413, "too-large")


def test_huge_declared_length_is_answered_at_once(address: tuple[str, int]) -> None:
    """A client that waits for permission to send hears the refusal without sending."""

    with socket.create_connection(address, timeout=30) as wire:
        wire.sendall(
            head("/v1/projects", "Content-Type: application/json", f"Content-Length: {HUGE}")
        )
        answer = wire.recv(4096)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_endless_stream_is_cut_with_flat_memory(address: tuple[str, int], project: str) -> None:
    """A stream of 10 GiB is refused while it is being sent, and memory stays flat."""

    process = psutil.Process()
    before = process.memory_info().rss
    path = f"/v1/projects/{project}/documents"
    with socket.create_connection(address, timeout=30) as wire:
        form = "Content-Type: multipart/form-data; boundary=B"
        wire.sendall(head(path, form, "Transfer-Encoding: chunked"))
        part = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        wire.sendall(b"%x\r\n%b\r\n" % (len(part), part))
        sent = _send_until_refused(wire)
        answer = wire.recv(4096)
    growth = process.memory_info().rss - before

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert sent < HUGE / 50
    assert growth < GROWTH_BYTES


def _send_until_refused(wire: socket.socket) -> int:
    """Send pieces until there is an answer to read; return the bytes sent."""
    sent, piece = 0, b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    while sent < HUGE and not select.select([wire], [], [], 0)[0]:
        wire.sendall(piece)
        sent += len(piece)
    return sent
