"""One try at a webhook: one request, to an address that was checked, within a fixed time."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

import httpcore2
import httpx2

from ragline.errors import InvalidInput
from ragline.settings import Settings
from ragline.webhooks.addresses import Resolve, addresses_of, resolve, target_of

HEADERS = {
    "accept": "*/*",
    "content-type": "application/json",
    "user-agent": f"Ragline/{version('ragline')}",
}
_BYTES_PER_WRITE = 16384


@dataclass(frozen=True, slots=True)
class Answer:
    """What a try brought: the status, or why there is none; `error` is None if it went well."""

    status_code: int | None
    error: str | None
    seconds: float
    retry_after: str | None = None

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it."""
        return self.error is None


@dataclass
class Sender:
    """Sends to public addresses only, unless the settings allow private ones.

    Each try has a connection of its own, so that the address is checked each time. Neither
    proxies nor redirects are followed: they would lead to addresses nobody checked.
    """

    settings: Settings
    resolve: Resolve = resolve
    tls: ssl.SSLContext | None = None

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a body and return what came of it; the status decides, the answer is not kept."""
        began = time.monotonic()
        status_code: int | None = None
        retry_after: str | None = None
        error: str | None = None
        try:
            status_code, retry_after = self._post(url, headers, body, began)
            error = _complaint(status_code)
        except InvalidInput as refusal:
            error = refusal.message
        except httpcore2.TimeoutException:
            error = f"There was no answer within {self.settings.webhook_seconds:g} s."
        except httpcore2.ConnectError as fault:
            error = f"The connection failed: {fault}"[:500]
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as fault:
            error = f"The connection broke: {fault}"[:500]
        return Answer(status_code, error, round(time.monotonic() - began, 3), retry_after)

    def _post(
        self, url: str, headers: Mapping[str, str], body: bytes, began: float
    ) -> tuple[int, str | None]:
        target = target_of(url)
        backend = _CheckedBackend(
            deadline=began + self.settings.webhook_seconds,
            private=self.settings.webhook_private_addresses,
            resolve=self.resolve,
        )
        address = httpcore2.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.path
        )
        fields = [*HEADERS.items(), *headers.items()]
        with (
            httpcore2.ConnectionPool(ssl_context=self._context, network_backend=backend) as pool,
            pool.stream("POST", address, headers=fields, content=body) as response,
        ):
            found = {name.lower(): value for name, value in response.headers}
            self._drain(response)
        return response.status, found.get(b"retry-after", b"").decode("ascii", "replace") or None

    def _drain(self, response: httpcore2.Response) -> None:
        """Let the receiver finish its sentence, up to the limits; then the line is cut."""
        left = self.settings.webhook_response_bytes
        try:
            for part in response.iter_stream():
                left -= len(part)
                if left < 0:
                    return
        except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError):
            return  # the status has come, and nothing else of the answer counts

    @cached_property
    def _context(self) -> ssl.SSLContext:
        # Loading certificates takes longer than most tries, so it is done once.
        return self.tls or httpx2.create_ssl_context()


@dataclass
class _CheckedBackend(httpcore2.NetworkBackend):
    """Connects to the very addresses that were checked, so that a second look-up cannot differ."""

    deadline: float
    private: bool
    resolve: Resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        found = addresses_of(
            host,
            port,
            private=self.private,
            seconds=self.deadline - time.monotonic(),
            resolve=self.resolve,
        )
        for tried, address in enumerate(found, 1):
            left = _left(self.deadline, httpcore2.ConnectTimeout)
            try:
                # An address that says nothing leaves time for those behind it.
                stream = httpcore2.SyncBackend().connect_tcp(
                    address, port, timeout=left / (len(found) - tried + 1), socket_options=[]
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if tried == len(found):
                    raise
            else:
                return _TimedStream(stream, self.deadline)
        raise httpcore2.ConnectError(f"{host} has no address")


@dataclass
class _TimedStream(httpcore2.NetworkStream):
    """A connection whose every act shares one deadline, so that a slow drip ends too."""

    stream: httpcore2.NetworkStream
    deadline: float

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, _left(self.deadline, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for begin in range(0, len(buffer), _BYTES_PER_WRITE):
            part = buffer[begin : begin + _BYTES_PER_WRITE]
            self.stream.write(part, _left(self.deadline, httpcore2.WriteTimeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left = _left(self.deadline, httpcore2.ConnectTimeout)
        return _TimedStream(
            self.stream.start_tls(ssl_context, server_hostname, left), self.deadline
        )

    def close(self) -> None:
        self.stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


def _left(deadline: float, too_late: type[Exception]) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise too_late("the time for this try is over")
    return left


def _complaint(status_code: int) -> str | None:
    if 200 <= status_code < 300:
        return None
    if 300 <= status_code < 400:
        return f"The receiver answered {status_code}; redirects are not followed."
    return f"The receiver answered {status_code}."
