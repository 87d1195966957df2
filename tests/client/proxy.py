"""A TCP proxy that cuts connections where a test tells it to."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

PIECE = 65536


class CuttingProxy:
    """Stands between a client and a server; use it as a context manager.

    `cuts` holds, for each connection that will be made, after how many bytes of the server's
    answer it is cut (0: when it comes); None, and whatever comes after the list, is left whole.
    `cuts_up` does the same for the bytes that the client sends.
    """

    def __init__(
        self,
        url: str,
        *,
        cuts: list[int | None] | None = None,
        cuts_up: list[int | None] | None = None,
    ) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 80)
        self._cuts = list(cuts or ())
        self._cuts_up = list(cuts_up or ())
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()

    def cut(self) -> None:
        """Cut all connections there are."""
        with self._lock:
            sockets, self._open = self._open, set()
        for one in sockets:
            _end(one)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.create_connection(self._target)
            with self._lock:
                self._open |= {client, server}
            down = self._cuts.pop(0) if self._cuts else None
            up = self._cuts_up.pop(0) if self._cuts_up else None
            self._start(self._pass_on, client, server, up)
            self._start(self._pass_on, server, client, down)

    def _pass_on(self, source: socket.socket, target: socket.socket, left: int | None) -> None:
        """Pass on what comes, up to so many bytes, then end both sides."""
        try:
            while piece := source.recv(PIECE):
                target.sendall(piece[:left])
                if left is not None:
                    left -= len(piece)
                    if left <= 0:
                        break
        except OSError:
            pass  # the other direction ended both
        finally:
            _end(source)
            _end(target)

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()


def _end(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended already
    finally:
        one.close()
