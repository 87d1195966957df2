"""Requests at a pace, and how long they took.

What sends them shares the machine with what is measured, so it is kept cheap. Only servers on
this machine are called.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Self
from urllib.parse import urlsplit

import httptools
import numpy as np

TIMEOUT_SECONDS = 60
PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go: a server on this machine, a path, and a key."""

    url: str
    path: str
    api_key: str

    @property
    def port(self) -> int:
        """The server's port; anything but this machine is refused."""
        parts = urlsplit(self.url)
        assert parts.hostname == "127.0.0.1", "load goes to this machine only"
        assert parts.port, "the server's URL names no port"
        return parts.port


@dataclass(slots=True)
class Sample:
    """Seconds of each request that was answered well, and what became of the others."""

    seconds: list[float] = field(default_factory=list)
    wall: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)

    def row(self) -> dict[str, Any]:
        """Return percentiles in milliseconds, and counts."""
        values = 1000 * np.percentile(self.seconds or [np.nan], PERCENTILES)
        return {
            "requests": len(self.seconds) + self.errors.total(),
            "per second": len(self.seconds) / self.wall,
            **{f"p{p} ms": float(v) for p, v in zip(PERCENTILES, values, strict=True)},
            "max ms": 1000 * max(self.seconds, default=np.nan),
            "errors": "; ".join(f"{n} × {what}" for what, n in self.errors.items()) or 0,
        }


class Connection:
    """A connection that is kept open between requests, as clients do."""

    def __init__(self, target: Target) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", target.port, timeout=TIMEOUT_SECONDS)
        self._path = target.path
        self._headers = {
            "Authorization": f"Bearer {target.api_key}",
            "Content-Type": "application/json",
        }
        self._http.connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def post(self, body: bytes) -> str | None:
        """Send a body and read the answer; return what was wrong, if anything."""
        try:
            self._http.request("POST", self._path, body, self._headers)
            answer = self._http.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._http.close()  # the next request opens it anew
            return type(error).__name__
        return None if 200 <= answer.status < 300 else f"HTTP {answer.status}"


def closed_loop(target: Target, bodies: Sequence[Any], clients: int) -> Sample:
    """Send every body once; each client sends its next request when it has an answer."""
    sample = Sample()
    numbers, lock = count(), threading.Lock()
    encoded = [json.dumps(body).encode() for body in bodies]

    def client(_: int) -> None:
        with Connection(target) as connection:
            while (number := next(numbers)) < len(encoded):
                began = time.perf_counter()
                problem = connection.post(encoded[number])
                _keep(sample, lock, time.perf_counter() - began, problem)

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(client, range(clients)))
    sample.wall = time.perf_counter() - began
    return sample


def open_loop(target: Target, bodies: Sequence[Any], rate: float, connections: int) -> Sample:
    """Send bodies at a fixed rate, whether or not earlier ones were answered.

    Each time is counted from the moment when the request was due, so that requests which a
    slow server kept from being sent do not look fast. Runs an event loop of its own.
    """
    encoded = [_request(target, json.dumps(body).encode()) for body in bodies]
    return asyncio.run(_open_loop(target, encoded, rate, connections))


async def _open_loop(
    target: Target, requests: Sequence[bytes], rate: float, connections: int
) -> Sample:
    sample, numbers = Sample(), count()
    loop = asyncio.get_running_loop()
    opened = await asyncio.gather(
        *(loop.create_connection(_Wire, "127.0.0.1", target.port) for _ in range(connections))
    )
    start = time.perf_counter() + 0.1

    async def client(wire: _Wire) -> None:
        while (number := next(numbers)) < len(requests):
            due = start + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            status = await wire.post(requests[number])
            if 200 <= status < 300:
                sample.seconds.append(time.perf_counter() - due)
            else:
                sample.errors[f"HTTP {status}" if status else "connection lost"] += 1

    await asyncio.gather(*(client(wire) for _, wire in opened))
    sample.wall = time.perf_counter() - start
    for transport, _ in opened:
        transport.close()
    return sample


def _request(target: Target, body: bytes) -> bytes:
    head = (
        f"POST {target.path} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
        f"Authorization: Bearer {target.api_key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Wire(asyncio.Protocol):
    """A kept connection that takes a tenth of a client library's time for a request."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[int] | None = None

    async def post(self, request: bytes) -> int:
        """Send a request, read its answer whole and return the status, 0 if it was cut off."""
        if self._transport is None:
            return 0
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        assert self._answer is not None, "an answer follows a request"
        self._answer.set_result(self._parser.get_status_code())
        self._parser = httptools.HttpResponseParser(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(0)


def _keep(sample: Sample, lock: threading.Lock, seconds: float, problem: str | None) -> None:
    with lock:
        if problem is None:
            sample.seconds.append(seconds)
        else:
            sample.errors[problem] += 1
