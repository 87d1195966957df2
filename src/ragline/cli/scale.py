"""Several HTTP processes on one address; workers run elsewhere."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx2
import structlog

from ragline.cli.listening import STOP_SIGNALS, url_of
from ragline.errors import ConfigurationError

START_SECONDS = 60.0
LOOK_SECONDS = 0.2
# A process that dies at once, for instance without its database, is not started in a rush.
RESTART_SECONDS = 2.0

log = structlog.get_logger()


@dataclass
class Supervisor:
    """Keeps so many copies of a command running until told to stop."""

    command: list[str]
    count: int
    pass_fds: tuple[int, ...] = ()
    _stopping: threading.Event = field(default_factory=threading.Event)
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, *, on_started: Callable[[], None]) -> int:
        """Run until SIGTERM or SIGINT; return the signal's number, or 0."""
        caught: list[int] = []
        for number in STOP_SIGNALS:
            signal.signal(number, lambda number, _frame: self._stop(caught, number))
        self._processes = [self._started() for _ in range(self.count)]
        try:
            on_started()
            while not self._stopping.wait(LOOK_SECONDS):
                self._replace_dead()
        finally:
            for process in self._processes:
                process.terminate()
            for process in self._processes:
                process.wait()
        return caught[0] if caught else 0

    @property
    def is_stopping(self) -> bool:
        """Whether the end was asked for."""
        return self._stopping.is_set()

    def _stop(self, caught: list[int], number: int) -> None:
        caught.append(number)
        self._stopping.set()

    def _replace_dead(self) -> None:
        for place, process in enumerate(self._processes):
            if process.poll() is not None:
                log.error("http.process_died", pid=process.pid, exit_code=process.returncode)
                self._stopping.wait(RESTART_SECONDS)
                self._processes[place] = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 # our own command
            self.command, pass_fds=self.pass_fds, stdin=subprocess.DEVNULL
        )


def serve_many(bound: socket.socket, *, processes: int, on_ready: Callable[[str], None]) -> int:
    """Serve one address with several HTTP processes; return the number of the signal it ended by.

    Raises:
        ConfigurationError: none of them answers in time.
    """
    bound.listen()
    url, number = url_of(bound), bound.fileno()
    supervisor = Supervisor(
        [sys.executable, "-c", _MAIN, "serve", "--no-worker", "--fd", str(number)],
        processes,
        pass_fds=(number,),
    )

    def wait_until_ready() -> None:
        deadline = time.monotonic() + START_SECONDS
        while not supervisor.is_stopping:
            if _answers(url):
                on_ready(url)
                return
            if time.monotonic() > deadline:
                raise ConfigurationError("The HTTP processes do not start; their log says why.")
            time.sleep(LOOK_SECONDS)

    return supervisor.run(on_started=wait_until_ready)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/livez", timeout=5, trust_env=False).status_code == 200
    except httpx2.HTTPError:
        return False


_MAIN = "from ragline.cli import app; app()"
