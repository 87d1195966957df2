"""The HTTP server's socket, and uvicorn as we run it."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
from fastapi import FastAPI

from ragline.errors import ConfigurationError

GRACE_SECONDS = 10
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def bind(host: str, port: int) -> socket.socket:
    """Take an address; connections are refused until the server is ready.

    Raises:
        ConfigurationError: the address is in use, forbidden or not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        taken = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _unusable(host, port, error) from None
    try:
        # Without this the port of a server that was just stopped stays blocked for a minute.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
    except OSError as error:
        taken.close()
        raise _unusable(host, port, error) from None
    return taken


def url_of(bound: socket.socket) -> str:
    """Return the URL to open; one that listens everywhere is shown by its loopback address."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 # only compared
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """A uvicorn server that says when it is ready and leaves the end to its caller."""

    def __init__(self, app: FastAPI, *, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="httptools",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._on_ready = on_ready
        self._app = app

    @property
    def interrupted(self) -> bool:
        """Whether the end was asked for on the keyboard."""
        return signal.SIGINT in self._captured_signals

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections, then tell."""
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what would go on for ever, then wait for the other requests."""
        self._app.state.events.close()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let signals end the server; uvicorn would raise them again and cut the end short."""
        for number in STOP_SIGNALS:
            signal.signal(number, self.handle_exit)
        try:
            yield
        finally:
            # A second one while the rest is stopped ends the process at once: nothing is
            # lost by it, unfinished work is resumed at the next start.
            for number in STOP_SIGNALS:
                signal.signal(number, signal.SIG_DFL)


def _unusable(host: str, port: int, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"Cannot listen on {host}, port {port} ({error.strerror or error}): stop what uses it, "
        "or choose another --host or --port."
    )
