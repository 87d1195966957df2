"""Faults: what they do to a cluster, and what they met at work."""

from __future__ import annotations

import random
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg

import ragline
from tests.faults.cluster import Cluster
from tests.faults.history import History, Sent
from tests.faults.workload import Acts
from tests.servers import RunningProcess, RunningServer

AT_POINT = "failpoint"
DATABASE_STOPPED, NO_CONNECTIONS = OUTAGES = ("database stopped", "connections exhausted")
LEASE_SECONDS = 7.0
"""Silence after which a worker counts as dead."""
WORK_SECONDS = 20
BLIND = 0.05
"""Share of kills that do not wait for work: they meet starts, stops and rest."""
TWICE_SECONDS = 20


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
    point: str | None = None
    """The failpoint at which the process ended itself."""

    @property
    def touched(self) -> tuple[str, ...]:
        """The workflows that may have to run a step again because of it."""
        return (*self.held, *self.also)

    @property
    def landed(self) -> bool:
        """Whether it met work: a workflow in progress, a request without an answer, or a point.

        Points are passed in the middle of requests, steps, deliveries and recoveries only.
        """
        met = bool(self.held) or any(sent.is_broken for sent in self.requests)
        return met or self.point is not None


@dataclass
class Scene:
    """What an injection acts on: a cluster, what was done to it so far, and a client of its own."""

    cluster: Cluster
    history: History
    chance: random.Random
    acts: Acts
    so_far: Sequence[Fault]
    armed: list[str]
    """Failpoints at which processes were made to die, once for each time."""


Inject = Callable[[Scene], Iterator[Fault]]


# Rounds do not come past these; the tests of their features do.
ELSEWHERE = (
    *("doctor.", "edge_index.", "image.", "import.", "indexes.", "note.", "reembed.", "zotero."),
    *("ingest.page_answered", "ingest.page_recognised", "ingest.replaced", "ingest.tid"),
)


def failpoints() -> list[str]:
    """Return the names of the points in the program's source that rounds come past."""
    root = Path(ragline.__file__).parent
    names = {
        name
        for path in root.rglob("*.py")
        for name in re.findall(r'failpoint\("([a-z_.]+)"\)', path.read_text())
    }
    return sorted(name for name in names if not name.startswith(ELSEWHERE))


def kill(cluster: Cluster, history: History, process: RunningProcess) -> Fault:
    """End a process with SIGKILL."""
    is_server = isinstance(process, RunningServer)
    waiting = history.open_to(process.url) if is_server else []
    at, pid = time.time(), process.pid
    process.kill()
    held = cluster.held_by(pid)
    return Fault(f"kill {_kind(cluster, process)}", at, held, tuple(waiting), is_kill=True)


def kill_worker(scene: Scene) -> Iterator[Fault]:
    """Kill a worker that holds work; it is started again, sometimes with faults to come."""
    worker = at_work(scene, scene.cluster.workers, holds)
    yield from replace(scene, worker, _any_point(scene.chance))


def kill_server(scene: Scene) -> Iterator[Fault]:
    """Kill a process that answers requests, while it answers some."""
    server = at_work(scene, scene.cluster.servers, answers)
    yield from replace(scene, server, _any_point(scene.chance))


def replace(scene: Scene, process: RunningProcess, failpoints: str | None) -> Iterator[Fault]:
    """Kill a process and start it again, with faults to come."""
    with scene.cluster.guard:
        if not process.is_running:
            return
        fault = kill(scene.cluster, scene.history, process)
        process.settings.pop("failpoints", None)
        if failpoints is not None:
            process.settings["failpoints"] = failpoints
        scene.cluster.begin(process)
    yield fault


def kill_all(scene: Scene) -> Iterator[Fault]:
    """Kill all processes at once."""
    with scene.cluster.guard:
        processes = scene.cluster.processes
        faults = [kill(scene.cluster, scene.history, each) for each in processes if each.is_running]
        for process in processes:
            process.settings.pop("failpoints", None)
            if not process.is_running:
                scene.cluster.begin(process)
    yield from faults


def stall(scene: Scene) -> Iterator[Fault]:
    """Stop a worker past its lease and let it go on: others have taken its work meanwhile."""
    worker = at_work(scene, scene.cluster.workers, holds)
    with scene.cluster.guard:
        if not worker.is_running:
            return
        at, held = time.time(), scene.cluster.held_by(worker.pid)
        scene.cluster.asleep.add(worker)
        worker.send(signal.SIGSTOP)
    yield Fault("stall", at, held)
    time.sleep(LEASE_SECONDS + scene.chance.uniform(1, 4) if not scene.cluster.is_embedded else 3)
    with scene.cluster.guard:
        worker.send(signal.SIGCONT)
        scene.cluster.asleep.discard(worker)


def crash_database(scene: Scene) -> Iterator[Fault]:
    """Stop PostgreSQL at once, and start it again after a while."""
    assert scene.cluster.postgres is not None, "only a scaled cluster has one"
    at, held = time.time(), scene.cluster.held_by_any()
    scene.cluster.postgres.crash()
    time.sleep(scene.chance.uniform(0, 2))
    scene.cluster.postgres.start()
    # What was claimed a moment before is disturbed too.
    yield Fault(DATABASE_STOPPED, at, {}, also=held + scene.cluster.held_by_any())


def take_connections(scene: Scene) -> Iterator[Fault]:
    """Hold all connections that PostgreSQL has left for some seconds."""
    assert scene.cluster.postgres is not None, "only a scaled cluster has one"
    at, held = time.time(), scene.cluster.held_by_any()
    address = f"host=127.0.0.1 port={scene.cluster.postgres.port} user=faults dbname=postgres"
    with ExitStack() as connections:
        # A superuser's connections are kept apart; an ordinary user takes the others.
        scene.cluster.postgres.execute(_USER)
        with suppress(psycopg.OperationalError):
            while True:
                connections.enter_context(psycopg.connect(address))
        # Connections of the program's pools are replaced by ours as they are given back.
        scene.cluster.postgres.execute(_END_IDLE)
        with suppress(psycopg.OperationalError):
            while True:
                connections.enter_context(psycopg.connect(address))
        time.sleep(scene.chance.uniform(1, 4))
    yield Fault(NO_CONNECTIONS, at, {}, also=held + scene.cluster.held_by_any())


def restart_in_turn(scene: Scene) -> Iterator[Fault]:
    """Restart one process after the other in order, under load."""
    for process in scene.cluster.processes:
        with scene.cluster.guard:
            if not process.is_running:
                continue
            at = time.time()
            process.settings.pop("failpoints", None)
            in_time = scene.cluster.end(process)
            scene.cluster.begin(process)
        yield Fault("restart" if in_time else "restart by force", at, {})
        deadline = time.monotonic() + 20
        while not process.is_ready and time.monotonic() < deadline:
            time.sleep(0.05)


def run_twice(scene: Scene) -> Iterator[Fault]:
    """Let the others take a live worker for dead, so that its work is done twice at once."""
    cluster, deadline = scene.cluster, time.monotonic() + TWICE_SECONDS
    began, held, moved = time.time(), dict[str, str](), False
    worker = at_work(scene, cluster.workers, holds)
    while worker.is_ready and not moved and time.monotonic() < deadline:
        held |= cluster.held_by(worker.pid)
        cluster.change(_SILENCE, pid=worker.pid, recent=time.time() - 500)
        moved = any(executor != held[each] for each, executor in cluster.holders(held).items())
        time.sleep(0.02)
    yield Fault("run twice" if moved else "run twice, in vain", began, held)


def kill_child(scene: Scene) -> Iterator[Fault]:
    """Kill the child processes of a worker, as a system short of memory would."""
    worker = at_work(scene, scene.cluster.workers, holds)
    if not worker.is_running:
        return
    at, held = time.time(), scene.cluster.held_by(worker.pid)
    for child in psutil.Process(worker.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()
    yield Fault("kill child", at, held)


def holds(scene: Scene, process: RunningProcess) -> bool:
    """Tell whether a process has workflows in progress."""
    return process.is_ready and bool(scene.cluster.held_by(process.pid))


def answers(scene: Scene, process: RunningProcess) -> bool:
    """Tell whether requests wait for a process."""
    is_server = isinstance(process, RunningServer)
    return process.is_ready and is_server and bool(scene.history.open_to(process.url))


def at_work(
    scene: Scene,
    among: Sequence[RunningProcess],
    works: Callable[[Scene, RunningProcess], bool],
) -> RunningProcess:
    """Return a process that works, as far as there is one soon, at a moment of chance of it."""
    chance, deadline = scene.chance, time.monotonic() + WORK_SECONDS
    is_blind = chance.random() < BLIND
    # Requests are short; a look at what a worker holds costs a connection.
    look, most = (0.05, 0.4) if works is holds else (0.003, 0.02)
    while not is_blind and time.monotonic() < deadline:
        for process in chance.sample(among, len(among)):
            if works(scene, process):
                time.sleep(chance.uniform(0, most))
                if works(scene, process):
                    return process
        time.sleep(look)
    return chance.choice(among)


ELSE = {
    "embedded": (kill_child, restart_in_turn, stall, kill_worker, kill_server),
    "scaled": (
        run_twice,
        run_twice,
        crash_database,
        take_connections,
        kill_all,
        kill_child,
        restart_in_turn,
        stall,
        kill_worker,
        kill_server,
    ),
}
"""Faults that each round of a set-up has besides deaths at points."""

_SILENCE = (
    "UPDATE executors SET heartbeat = heartbeat - 1000 WHERE process = :pid AND heartbeat > :recent"
)
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


def _any_point(chance: random.Random) -> str | None:
    """Let the next life of a process end at any failpoint, sometimes."""
    return f"*=kill%{chance.randint(1, 4)}" if chance.random() < 0.3 else None
