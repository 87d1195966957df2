"""Faults: what they do to a cluster, and what they met at work."""

from __future__ import annotations

import random
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg

import ragline
from tests.faults.cluster import Cluster
from tests.faults.history import History, Sent
from tests.servers import RunningProcess, RunningServer

LEASE_SECONDS = 7.0
"""Silence after which a worker counts as dead."""


@dataclass(frozen=True)
class Fault:
    """A fault that was injected, the work it met, and the requests whose connection it broke."""

    kind: str
    at: float
    held: Mapping[str, str]
    """Workflows that the process held, with its executor."""
    requests: tuple[Sent, ...] = ()
    is_kill: bool = False
    also: tuple[str, ...] = field(default=())
    """Workflows of others that it may have disturbed."""

    @property
    def touched(self) -> tuple[str, ...]:
        """The workflows that may have to run a step again because of it."""
        return (*self.held, *self.also)

    @property
    def landed(self) -> bool:
        """Whether it met work: a workflow in progress, or a request without an answer."""
        return bool(self.held) or any(sent.is_broken for sent in self.requests)


Inject = Callable[[Cluster, History, random.Random], Iterator[Fault]]


def failpoints() -> list[str]:
    """Return the names of all points in the program's source."""
    root = Path(ragline.__file__).parent
    names = {
        name
        for path in root.rglob("*.py")
        for name in re.findall(r'failpoint\("([a-z_.]+)"\)', path.read_text())
    }
    return sorted(names)


def kill(cluster: Cluster, history: History, process: RunningProcess) -> Fault:
    """End a process with SIGKILL."""
    is_server = isinstance(process, RunningServer)
    waiting = history.open_to(process.url) if is_server else []
    at, pid = time.time(), process.pid
    process.kill()
    held = cluster.held_by(pid)
    return Fault(f"kill {_kind(cluster, process)}", at, held, tuple(waiting), is_kill=True)


def kill_worker(cluster: Cluster, history: History, chance: random.Random) -> Iterator[Fault]:
    """Kill a worker; it is started again, sometimes with faults of its own to come."""
    with cluster.guard:
        worker = chance.choice(cluster.workers)
        if not worker.is_running:
            return
        fault = kill(cluster, history, worker)
        _arm(worker, chance)
        cluster.begin(worker)
    yield fault


def kill_server(cluster: Cluster, history: History, chance: random.Random) -> Iterator[Fault]:
    """Kill a process that answers requests, while it answers some."""
    server = chance.choice(cluster.servers)
    deadline = time.monotonic() + 3
    while not history.open_to(server.url) and time.monotonic() < deadline:
        time.sleep(0.002)
    with cluster.guard:
        if not server.is_running:
            return
        fault = kill(cluster, history, server)
        _arm(server, chance)
        cluster.begin(server)
    yield fault


def kill_all(cluster: Cluster, history: History, chance: random.Random) -> Iterator[Fault]:
    """Kill all processes at once."""
    with cluster.guard:
        faults = [kill(cluster, history, each) for each in cluster.processes if each.is_running]
        for process in cluster.processes:
            process.settings.pop("failpoints", None)
            if not process.is_running:
                cluster.begin(process)
    yield from faults


def stall(cluster: Cluster, history: History, chance: random.Random) -> Iterator[Fault]:
    """Stop a worker past its lease and let it go on: others have taken its work meanwhile."""
    worker = chance.choice(cluster.workers)
    with cluster.guard:
        if not worker.is_running:
            return
        at, held = time.time(), cluster.held_by(worker.pid)
        cluster.asleep.add(worker)
        worker.send(signal.SIGSTOP)
    yield Fault("stall", at, held)
    time.sleep(LEASE_SECONDS + chance.uniform(1, 4) if not cluster.is_embedded else 3)
    with cluster.guard:
        worker.send(signal.SIGCONT)
        cluster.asleep.discard(worker)


def crash_database(cluster: Cluster, history: History, chance: random.Random) -> Iterator[Fault]:
    """Stop PostgreSQL at once, and start it again after a while."""
    assert cluster.postgres is not None, "only a scaled cluster has one"
    at, held = time.time(), cluster.held_by_any()
    cluster.postgres.crash()
    time.sleep(chance.uniform(0, 2))
    cluster.postgres.start()
    # What was claimed a moment before is disturbed too.
    yield Fault("database stopped", at, {}, also=held + cluster.held_by_any())


def take_connections(cluster: Cluster, history: History, chance: random.Random) -> Iterator[Fault]:
    """Hold all connections that PostgreSQL has left for some seconds."""
    assert cluster.postgres is not None, "only a scaled cluster has one"
    at, held = time.time(), cluster.held_by_any()
    address = f"host=127.0.0.1 port={cluster.postgres.port} user=faults dbname=postgres"
    with ExitStack() as connections:
        # A superuser's connections are kept apart; an ordinary user takes the others.
        cluster.postgres.execute(_USER)
        with suppress(psycopg.OperationalError):
            while True:
                connections.enter_context(psycopg.connect(address))
        # Connections of the program's pools are replaced by ours as they are given back.
        cluster.postgres.execute(_END_IDLE)
        with suppress(psycopg.OperationalError):
            while True:
                connections.enter_context(psycopg.connect(address))
        time.sleep(chance.uniform(1, 4))
    yield Fault("connections exhausted", at, {}, also=held + cluster.held_by_any())


def restart_in_turn(cluster: Cluster, history: History, chance: random.Random) -> Iterator[Fault]:
    """Restart one process after the other in order, under load."""
    for process in cluster.processes:
        with cluster.guard:
            if not process.is_running:
                continue
            at = time.time()
            process.settings.pop("failpoints", None)
            process.stop()
            cluster.begin(process)
        yield Fault("restart", at, {})
        deadline = time.monotonic() + 20
        while not process.is_ready and time.monotonic() < deadline:
            time.sleep(0.05)


def run_twice(cluster: Cluster, history: History, chance: random.Random) -> Iterator[Fault]:
    """Let the others take a live worker for dead, so that its work is done twice at once."""
    ready = [worker for worker in cluster.workers if worker.is_ready]
    if len(ready) < 2:
        return
    worker = chance.choice(ready)
    at, pid = time.time(), worker.pid
    held = cluster.held_by(pid)
    deadline = time.monotonic() + 4
    while held and time.monotonic() < deadline:
        cluster.change(
            "UPDATE executors SET heartbeat = heartbeat - 1000"
            " WHERE process = :pid AND heartbeat > :recent",
            pid=pid,
            recent=time.time() - 500,
        )
        held = held | cluster.held_by(pid)
        time.sleep(0.05)
    yield Fault("run twice", at, held)


def kill_child(cluster: Cluster, history: History, chance: random.Random) -> Iterator[Fault]:
    """Kill the child processes of a worker, as a system short of memory would."""

    worker = chance.choice(cluster.workers)
    if not worker.is_running:
        return
    at, held = time.time(), cluster.held_by(worker.pid)
    for child in psutil.Process(worker.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()
    yield Fault("kill child", at, held)


EMBEDDED: dict[Inject, int] = {
    kill_worker: 40,
    kill_server: 20,
    stall: 1,
    restart_in_turn: 3,
    kill_child: 3,
}
SCALED: dict[Inject, int] = {
    kill_worker: 60,
    kill_server: 20,
    kill_all: 3,
    stall: 4,
    crash_database: 5,
    take_connections: 3,
    restart_in_turn: 3,
    run_twice: 5,
    kill_child: 4,
}
"""Faults of each set-up with how often they come."""

_USER = (
    "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'faults')"
    " THEN CREATE ROLE faults LOGIN; END IF; END $$"
)
_END_IDLE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name LIKE 'ragline%' AND state = 'idle'"
)


def _kind(cluster: Cluster, process: RunningProcess) -> str:
    if cluster.is_embedded:
        return "server and worker"
    return "server" if isinstance(process, RunningServer) else "worker"


def _arm(process: RunningProcess, chance: random.Random) -> None:
    """Let the next life of a process end at a failpoint, sometimes."""
    process.settings.pop("failpoints", None)
    draw = chance.random()
    if draw < 0.15:
        process.settings["failpoints"] = f"*=kill%{chance.randint(1, 4)}"
    elif draw < 0.5:
        point = chance.choice(failpoints())
        process.settings["failpoints"] = f"{point}=kill:{chance.randint(0, 3)}"
