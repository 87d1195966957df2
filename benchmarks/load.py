"""Requests at a pace, and how long they took.

Built on the standard library's client, which takes the least time of the machine that is
measured. Only servers on this machine are called.
"""

from __future__ import annotations

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
    slow server kept from being sent do not look fast.
    """
    sample = Sample()
    numbers, lock = count(), threading.Lock()
    encoded = [json.dumps(body).encode() for body in bodies]
    opened = threading.Barrier(connections)
    start: list[float] = []

    def client(_: int) -> None:
        with Connection(target) as connection:
            if opened.wait() == 0:
                start.append(time.perf_counter() + 0.1)
            opened.wait()
            while (number := next(numbers)) < len(encoded):
                due = start[0] + number / rate
                time.sleep(max(0.0, due - time.perf_counter()))
                problem = connection.post(encoded[number])
                _keep(sample, lock, time.perf_counter() - due, problem)

    with ThreadPoolExecutor(connections) as threads:
        list(threads.map(client, range(connections)))
    sample.wall = time.perf_counter() - start[0]
    return sample


def _keep(sample: Sample, lock: threading.Lock, seconds: float, problem: str | None) -> None:
    with lock:
        if problem is None:
            sample.seconds.append(seconds)
        else:
            sample.errors[problem] += 1
