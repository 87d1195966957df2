"""A server in a process of its own, as people start it: it can be stopped and killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from ragline.client import Client

START_SECONDS = 90
STOP_SECONDS = 60
RAGLINE = Path(sys.executable).with_name("ragline")
_READY = re.compile(r"Ragline is ready at (\S+)")


def clean_environment(**settings: object) -> dict[str, str]:
    """Return the environment without the caller's own settings, and with these instead."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAGLINE_")}
    return kept | {f"RAGLINE_{name.upper()}": str(value) for name, value in settings.items()}


class RunningServer:
    """`ragline serve` on a free port with a data directory that outlives its processes.

    `settings` are those of `ragline.settings`, by field name. A server that is started
    again keeps its port. As a context manager it is stopped at the end of the block.
    """

    def __init__(self, data_dir: Path, **settings: object) -> None:
        self.data_dir = data_dir
        self.log_path = data_dir / "server.log"
        self.output_path = data_dir / "server.out"
        self.url = ""
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self.stop()

    @property
    def pid(self) -> int:
        """The process that serves."""
        return self._running.pid

    @property
    def api_key(self) -> str:
        """The first key: the one in the settings, else the one that the first start kept."""
        if "api_key" in self._settings:
            return str(self._settings["api_key"])
        return (self.data_dir / "api_key").read_text().strip()

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to speak to this server."""
        return clean_environment(url=self.url, data_dir=self.data_dir, api_key=self.api_key)

    def client(self) -> Client:
        """Return a client that bears the first key."""
        return Client(self.url, self.api_key)

    def start(self) -> float:
        """Start it and return the seconds until it was ready."""
        assert self._process is None, "it is running already"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        port = self.url.rpartition(":")[2] or "0"
        began = time.monotonic()
        with self.output_path.open("wb") as output, self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [RAGLINE, "serve", "--port", port],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                # No settings file of the caller's, and no keyboard of the caller's either.
                cwd=self.data_dir,
                start_new_session=True,
                env=clean_environment(data_dir=self.data_dir, **self._settings),
            )
        self.url = self._announced(began + START_SECONDS)
        return time.monotonic() - began

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end, and return its exit code."""
        process, self._process = self._running, None
        process.send_signal(number)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def kill(self) -> None:
        """End it as a power cut would."""
        self.stop(signal.SIGKILL)

    def restart(self) -> float:
        """Stop it in order and start it again; return the seconds until it was ready."""
        self.stop()
        return self.start()

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it is not running"
        return self._process

    def _announced(self, deadline: float) -> str:
        while time.monotonic() < deadline:
            found = _READY.search(self.output_path.read_text())
            if found:
                return found[1]
            if self._running.poll() is not None:
                break
            time.sleep(0.02)
        self.stop(signal.SIGKILL)
        raise AssertionError(f"the server did not start:\n{self.log_path.read_text()[-5000:]}")
