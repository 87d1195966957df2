"""The two set-ups under test, as processes, and a look into their database from outside."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
import sqlalchemy as sa

from ragline.settings import load_settings
from tests.postgres import Postgres, running
from tests.servers import RunningProcess, RunningServer, RunningWorker

API_KEY = "rl_faults"
DATABASE_SECONDS = 60
STOPPED_POINT = re.compile(r"^failpoint ([a-z_.]+)=kill$", re.MULTILINE)
# Small batches, so that many are under way; and the killer's patience is no sign of poison.
SETTINGS: dict[str, object] = {
    "api_key": API_KEY,
    "pages_per_batch": 4,
    "embed_batch": 8,
    "max_idle_starts": 1000,
    "webhook_private_addresses": True,
    "webhook_seconds": 3,
}


@dataclass
class Cluster:
    """Processes that serve and work on one database; `servers` may be `workers` too."""

    name: str
    folder: Path
    servers: list[RunningServer]
    workers: list[RunningProcess]
    files: Path
    database_url: str
    postgres: Postgres | None = None
    started: set[int] = field(default_factory=set)
    asleep: set[RunningProcess] = field(default_factory=set)
    """Processes that were stopped and are to go on."""
    guard: threading.RLock = field(default_factory=threading.RLock)
    """Held by whoever starts or ends a process."""
    _engine: sa.Engine | None = None

    @property
    def processes(self) -> list[RunningProcess]:
        """Each process once."""
        return [*self.servers, *(one for one in self.workers if one not in self.servers)]

    @property
    def is_embedded(self) -> bool:
        """Whether one process is all there is."""
        return self.postgres is None

    def begin(self, process: RunningProcess) -> None:
        """Start a process without waiting, and remember it for the search for leftovers."""
        process.begin()
        self.started.add(process.pid)

    def start(self) -> None:
        """Start all processes; the first alone, since it makes the database's schema."""
        first, *others = self.processes
        self.begin(first)
        first.wait_until_ready()
        for process in others:
            self.begin(process)
        for process in others:
            process.wait_until_ready()

    def end(self, process: RunningProcess) -> bool:
        """Stop a process in order; tell whether it ended without force."""
        try:
            process.stop()
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self) -> None:
        """Stop in order what runs."""
        for process in self.processes:
            if process.is_running:
                self.end(process)

    def http(self, server: RunningServer) -> httpx2.Client:
        """Return a client of a server."""
        headers = {"Authorization": f"Bearer {API_KEY}"}
        return httpx2.Client(base_url=server.url, headers=headers, timeout=60, verify=False)

    def rows(self, query: str, **values: Any) -> Sequence[sa.Row[Any]]:
        """Run a query, waiting for a database that is away."""
        deadline = time.monotonic() + DATABASE_SECONDS
        while True:
            try:
                with self._database.connect() as connection:
                    return connection.execute(_query(query, values), values).all()
            except sa.exc.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def change(self, statement: str, **values: Any) -> None:
        """Run a statement that changes rows."""
        with self._database.begin() as connection:
            connection.execute(_query(statement, values), values)

    def held_by(self, pid: int) -> dict[str, str]:
        """Return the workflows that a process holds, or held when it died, with its executor."""
        return {row[0]: row[1] for row in self.rows(_HELD, pid=pid)}

    def holders(self, workflows: Collection[str]) -> dict[str, str]:
        """Return the executors that hold these workflows now, of those that are in progress."""
        if not workflows:
            return {}
        return {row[0]: row[1] for row in self.rows(_HOLDERS, ids=list(workflows))}

    def held_by_any(self) -> tuple[str, ...]:
        """Return the workflows that any process holds."""
        query = "SELECT workflow_uuid FROM workflow_status WHERE status = 'PENDING'"
        return tuple(row[0] for row in self.rows(query))

    def open_jobs(self) -> int:
        """Return how many jobs have not ended."""
        return int(self.rows("SELECT count(*) FROM jobs WHERE outcome IS NULL")[0][0])

    def stopped_at(self, process: RunningProcess) -> str | None:
        """Return the failpoint at which a process died last."""
        found = STOPPED_POINT.findall(process.log_path.read_text()[-2000:])
        return str(found[-1]) if found else None

    def leftover_children(self) -> list[str]:
        """Return the processes that outlived the one that started them."""
        left = []
        for process in psutil.process_iter(["pid", "cmdline", "status"]):
            try:
                session = psutil.os.getsid(process.pid)  # type: ignore[attr-defined]
            except (ProcessLookupError, PermissionError):
                continue
            alive = process.info["status"] != psutil.STATUS_ZOMBIE
            if alive and session in self.started and session not in self._running:
                left.append(f"{process.pid} {' '.join(process.info['cmdline'] or [])[:120]}")
        return left

    def close(self) -> None:
        """End what still runs, however it is."""
        for process in self.processes:
            if process.is_running:
                process.kill()
        if self._engine is not None:
            self._engine.dispose()

    def settings(self) -> Any:
        """Return the settings of its first process, as the program would read them."""
        first = self.processes[0]
        return load_settings(_env_file=None, data_dir=first.data_dir, **first.settings)

    @property
    def _running(self) -> set[int]:
        return {process.pid for process in self.processes if process.is_running}

    @property
    def _database(self) -> sa.Engine:
        if self._engine is None:
            options: dict[str, Any] = {"timeout": 30}
            if not self.is_embedded:
                options = {"options": "-csearch_path=public,dbos", "connect_timeout": 5}
            self._engine = sa.create_engine(
                self.database_url, poolclass=sa.NullPool, connect_args=options
            )
        return self._engine


_HELD = (
    "SELECT w.workflow_uuid, w.executor_id FROM workflow_status w"
    " JOIN executors e ON e.id = w.executor_id WHERE e.process = :pid AND w.status = 'PENDING'"
)
_HOLDERS = (
    "SELECT workflow_uuid, executor_id FROM workflow_status"
    " WHERE workflow_uuid IN :ids AND status = 'PENDING'"
)


def _query(text: str, values: dict[str, Any]) -> sa.TextClause:
    lists = [sa.bindparam(name, expanding=True) for name in values if name == "ids"]
    return sa.text(text).bindparams(*lists)


@contextmanager
def embedded(folder: Path, **settings: object) -> Iterator[Cluster]:
    """Give one `ragline serve` on SQLite."""
    data = folder / "data"
    server = RunningServer(data, **SETTINGS | settings)
    url = f"sqlite:///{data / 'ragline.db'}"
    cluster = Cluster("embedded", folder, [server], [server], data / "files", url)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


@contextmanager
def scaled(
    folder: Path,
    *,
    max_connections: int = 200,
    servers: int = 2,
    workers: int = 2,
    **settings: object,
) -> Iterator[Cluster]:
    """Give `serve --no-worker` and `worker` processes on a PostgreSQL of their own."""
    files = folder / "files"
    files.mkdir(parents=True)
    with running(folder / "postgres", max_connections=max_connections) as postgres:
        url = postgres.new_database()
        given = SETTINGS | {
            "database_url": url,
            "files_url": files.as_uri(),
            "compute_workers": 1,
            "ingest_concurrency": 4,
        }
        given |= settings
        apis = [
            RunningServer(folder / f"api{number}", "--no-worker", name="api", **given)
            for number in range(servers)
        ]
        pool = [
            RunningWorker(folder / f"worker{number}", name="worker", **given)
            for number in range(workers)
        ]
        cluster = Cluster("scaled", folder, apis, [*pool], files, url, postgres)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.close()
