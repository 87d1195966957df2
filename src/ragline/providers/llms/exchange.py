"""One exchange with a model server over HTTP: a request out, lines back, all within its time."""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2

from ragline.errors import ConfigurationError
from ragline.providers.interruption import ended_by
from ragline.providers.llms.server_errors import Place, Unusable, detail_of, translated

LARGEST_ANSWER_BYTES = 8 * 1024**2
LARGEST_ERROR_BYTES = 64 * 1024
CONNECT_SECONDS = 10.0

T = TypeVar("T")


class Exchange:
    """Asks one server, once for each call; every failure becomes one of ours.

    Each call has a connection of its own: beside the seconds that a model takes it costs
    nothing, no call meets a connection that its server has just given up, and the one who
    ends a call ends its connection.
    """

    def __init__(self, place: Place) -> None:
        """Refuse a base URL that cannot be called."""
        self.place = place
        url = _http_url(place)
        headers = {"Authorization": f"Bearer {place.key}"} if place.key else {}
        self._client = httpx2.Client(
            base_url=url,
            headers=headers,
            limits=httpx2.Limits(max_keepalive_connections=0),
            # A proxy of the environment knows nothing of this machine's own servers.
            trust_env=not _is_here(place.url),
        )

    def lines(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        seconds: float | None = None,
    ) -> Generator[bytes, None, None]:
        """Yield the lines of an answer as they come, without their ends.

        Raises `Unusable` or what httpx2 raises; wrap it in `ours`.
        """
        limit = self.place.seconds if seconds is None else seconds
        with _Deadline(limit) as deadline, ended_by(deadline.end):
            try:
                with self._opened(method, path, body, deadline) as response:
                    yield from _lines(response, deadline)
            except httpx2.HTTPError:
                deadline.check()
                raise

    def ours(self, pieces: Iterator[T], *, model: str) -> Generator[T, None, None]:
        """Pass on what comes, and raise our error for any failure.

        It is raised outside the handler, so that no trace holds the library's error with the
        headers of the request.
        """
        try:
            yield from pieces
            return
        except (httpx2.HTTPError, Unusable, UnicodeError) as error:
            failure = translated(error, self.place, model=model)
        raise failure

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    @contextmanager
    def _opened(
        self, method: str, path: str, body: Mapping[str, Any] | None, deadline: _Deadline
    ) -> Iterator[httpx2.Response]:
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {} if content is None else {"Content-Type": "application/json"}
        connect = min(deadline.seconds, CONNECT_SECONDS)
        with self._client.stream(
            method,
            path,
            content=content,
            headers=headers,
            timeout=httpx2.Timeout(deadline.seconds, connect=connect),
            extensions={"trace": deadline.watch},
        ) as response:
            if not response.is_success:
                raise _refusal(response)
            yield response


class _Deadline:
    """Ends an exchange when its time is over, even one that drips or waits for headers."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._over = threading.Event()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self.end)
        self._timer.daemon = True

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._sockets.clear()

    def watch(self, event: str, info: Mapping[str, Any]) -> None:
        """Note the connection, which httpx2 tells of as it opens it."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._sockets.append(info["return_value"].get_extra_info("socket"))
            if self._over.is_set():
                self.end()

    def check(self) -> None:
        """Raise a time-out if the time is over."""
        if self._over.is_set():
            raise httpx2.ReadTimeout("The answer was not complete in time.")

    def end(self) -> None:
        """Break the connection: what waits for it wakes up."""
        self._over.set()
        for each in list(self._sockets):
            try:
                # The plain socket's way: TLS would wait for the other side to agree.
                socket.socket.shutdown(each, socket.SHUT_RDWR)
            except OSError:
                continue  # it is closed already


def _lines(response: httpx2.Response, deadline: _Deadline) -> Iterator[bytes]:
    held, size = bytearray(), 0
    for part in response.iter_bytes():
        deadline.check()
        size += len(part)
        if size > LARGEST_ANSWER_BYTES:
            raise Unusable("The model's answer is larger than 8 MiB.")
        held += part
        if b"\n" in part:
            *whole, held = held.split(b"\n")
            yield from (bytes(line).removesuffix(b"\r") for line in whole)
    deadline.check()
    if held:
        yield bytes(held).removesuffix(b"\r")


def _refusal(response: httpx2.Response) -> Unusable:
    """Return the failure of an answer whose status is none of success, with its words."""
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) > LARGEST_ERROR_BYTES:
            break
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    error = told.get("error", told) if isinstance(told, dict) else told
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Unusable(status=response.status_code, detail=detail_of(error), headers=headers)


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _http_url(place: Place) -> str:
    """Return a base URL that can be called; raise `ConfigurationError` for any other."""
    try:
        parts = urlsplit(place.url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname)
        httpx2.URL(place.url)
    except (ValueError, httpx2.InvalidURL):
        is_good = False
    if not is_good:
        raise ConfigurationError(
            f"{place.url_setting} must begin with http:// or https:// and name a server, "
            "like http://127.0.0.1:11434/v1."
        )
    return place.url
