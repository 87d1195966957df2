"""Servers and workers in processes of their own, as people start them; they can be killed."""

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


def clean_environment(**settings: object) -> dict[str, str]:
    """Return the environment without the caller's own settings, and with these instead."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAGLINE_")}
    return kept | {f"RAGLINE_{name.upper()}": str(value) for name, value in settings.items()}


class RunningProcess:
    """A `ragline` command that runs until it is stopped, and can be started again.

    `settings` are those of `ragline.settings`, by field name; they, the `program` and what is
    in its environment too can be changed between two starts. As a context manager it is stopped
    at the end of the block. Better vectors are made only where the settings ask for them.
    """

    ready: re.Pattern[str]

    def __init__(self, data_dir: Path, name: str, **settings: object) -> None:
        self.name = name
        self.program: list[str | Path] = [RAGLINE]
        self.environment_too: dict[str, str] = {}
        self.data_dir = data_dir
        self.log_path = data_dir / f"{name}.log"
        self.output_path = data_dir / f"{name}.out"
        self.settings = {"better_vectors": "off"} | settings
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
        """The process."""
        return self._running.pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def has_ended(self) -> bool:
        """Whether it was started and ended without being stopped by us."""
        return self._process is not None and self._process.poll() is not None

    @property
    def is_ready(self) -> bool:
        """Whether it runs and has said that it is ready."""
        return self.is_running and self.ready.search(self.output_path.read_text()) is not None

    def arguments(self) -> list[str]:
        """Return the command's arguments."""
        raise NotImplementedError

    def begin(self) -> None:
        """Start it without waiting until it is ready."""
        assert self._process is None, "it is running already"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with self.output_path.open("wb") as output, self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*self.program, *self.arguments()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                # No settings file of the caller's, and no keyboard of the caller's either.
                cwd=self.data_dir,
                start_new_session=True,
                env=clean_environment(data_dir=self.data_dir, **self.settings)
                | self.environment_too,
            )

    def start(self) -> float:
        """Start it and return the seconds until it was ready."""
        began = time.monotonic()
        self.begin()
        self.wait_until_ready()
        return time.monotonic() - began

    def wait_until_ready(self) -> str:
        """Wait until it says that it is ready, and return what it says."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            found = self.ready.search(self.output_path.read_text())
            if found:
                return found[1]
            if self._running.poll() is not None:
                break
            time.sleep(0.02)
        self.stop(signal.SIGKILL)
        raise AssertionError(f"it did not start:\n{self.log_path.read_text()[-5000:]}")

    def send(self, number: int) -> None:
        """Send it a signal."""
        self._running.send_signal(number)

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


class RunningServer(RunningProcess):
    """`ragline serve` on a free port with a data directory that outlives its processes.

    A server that is started again keeps its port.
    """

    ready = re.compile(r"Ragline is ready at (\S+)")

    def __init__(
        self, data_dir: Path, *options: str, name: str = "server", **settings: object
    ) -> None:
        super().__init__(data_dir, name, **settings)
        self.url = ""
        self._options = options

    @property
    def api_key(self) -> str:
        """The first key: the one in the settings, else the one that the first start kept."""
        if "api_key" in self.settings:
            return str(self.settings["api_key"])
        return (self.data_dir / "api_key").read_text().strip()

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to speak to this server."""
        return clean_environment(url=self.url, data_dir=self.data_dir, api_key=self.api_key)

    def client(self) -> Client:
        """Return a client that bears the first key."""
        return Client(self.url, self.api_key)

    def arguments(self) -> list[str]:
        """Return the command's arguments."""
        return ["serve", "--port", self.url.rpartition(":")[2] or "0", *self._options]

    def wait_until_ready(self) -> str:
        """Wait until it says its address, and return it."""
        self.url = super().wait_until_ready()
        return self.url


class RunningWorker(RunningProcess):
    """`ragline worker`, which needs PostgreSQL."""

    ready = re.compile(r"Ragline works on (.+)")

    def __init__(
        self, data_dir: Path, *options: str, name: str = "worker", **settings: object
    ) -> None:
        super().__init__(data_dir, name, **settings)
        self._options = options

    def arguments(self) -> list[str]:
        """Return the command's arguments."""
        return ["worker", *self._options]
