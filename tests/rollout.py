"""A rolling deploy under load: this release gives way to the next one, then takes its place again.

Whatever a test wants to know is written down on the way; see `Rollout.run`.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any

import httpx2

from tests.faults.cluster import API_KEY, Cluster
from tests.next_release import make_next_release
from tests.postgres import Postgres
from tests.servers import RAGLINE, RunningProcess, RunningServer, RunningWorker, clean_environment

SECONDS = 120
MOST_OPEN = 5
QUESTION = "When was the mill rebuilt?"


@dataclass
class Seen:
    """What the rollout wrote down."""

    statuses: dict[int, int] = field(default_factory=dict)
    """How often the load was answered with which status."""
    accepted: list[str] = field(default_factory=list)
    """The jobs of documents and questions, of both releases."""
    versions: list[str] = field(default_factory=list)
    of_the_old: list[str] = field(default_factory=list)
    """Jobs that a worker of this release held when it died, all their passages embedded."""
    of_the_new: list[str] = field(default_factory=list)
    """Jobs that a worker of the next release held when it died, after a step of its own."""
    exits: list[int] = field(default_factory=list)
    """Exit codes of this release's worker and server at the end of the deploy."""
    found_by_old: list[str] = field(default_factory=list)
    """What this release's server finds of a text that the next one's took."""
    answered_by_old: str = ""
    new_kind: dict[str, Any] = field(default_factory=dict)
    """A job as this release's server shows it that it could not run."""
    new_kind_job: str = ""


class Load(threading.Thread):
    """A client that sends documents and questions to one server after the other.

    What was not answered is sent again, with the same key, to the next server.
    """

    def __init__(self, cluster: Cluster, project: str, seen: Seen) -> None:
        super().__init__(name="load", daemon=True)
        self.targets: list[RunningServer] = []
        self._cluster, self._project, self._seen = cluster, project, seen
        self._stopping = threading.Event()
        self._number = 0

    def run(self) -> None:
        """Send until `stop`, but never more than what is open at once."""
        while not self._stopping.wait(0.03):
            if self._cluster.open_jobs() < MOST_OPEN:
                self._number += 1
                self._send()

    def stop(self) -> None:
        """Send nothing more."""
        self._stopping.set()
        self.join()

    def _send(self) -> None:
        number, path, body = self._number, "documents", {"text": text_of(self._number)}
        if number % 4 == 0:
            path, body = "chat", {"question": QUESTION}
        headers = {"Prefer": "respond-async", "Idempotency-Key": f"load-{number}"}
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            target = self.targets[number % len(self.targets)]
            try:
                with self._cluster.http(target) as http:
                    url = f"/v1/projects/{self._project}/{path}"
                    answer = http.post(url, json=body, headers=headers)
            except httpx2.TransportError:
                number += 1
                continue
            self._seen.statuses[answer.status_code] = (
                self._seen.statuses.get(answer.status_code, 0) + 1
            )
            if answer.status_code == 202:
                self._seen.accepted.append(answer.json()["job"]["id"])
                return
            time.sleep(0.1)


class Rollout:
    """Servers and workers of two releases on one database."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self.seen = Seen()
        self._newer = {"PYTHONPATH": str(make_next_release(folder / "next"))}
        files = folder / "files"
        files.mkdir()
        self._folder = folder
        self._settings: dict[str, object] = {
            "api_key": API_KEY,
            "database_url": postgres.new_database(),
            "files_url": files.as_uri(),
            "compute_workers": 1,
            "heartbeat_seconds": 0.5,
            "dead_after_seconds": 4,
        }
        url = str(self._settings["database_url"])
        self.cluster = Cluster("rollout", folder, [], [], files, url, postgres)

    def run(self) -> None:
        """Roll the next release out over this one, and back."""
        old_server, old_worker = self._server("old"), self._worker("old", slow="ingest.indexed")
        self.cluster.begin(old_server)
        old_server.wait_until_ready()
        self.cluster.begin(old_worker)
        with self.cluster.http(old_server) as http:
            project = project_of(http, "rollout")
            self.ended(http, add(http, project, "The mill was rebuilt in granite in 1611."))
        load = Load(self.cluster, project, self.seen)
        load.targets = [old_server]
        load.start()
        try:
            self._roll(load, old_server, old_worker, project)
        finally:
            load.stop()
        wait_until(lambda: self.cluster.open_jobs() == 0)

    def roll_back(self) -> str:
        """Put this release in the place of the next one, on its schema; return its answer."""
        self.cluster.close()
        with self._server("again", "serve") as server, self.cluster.http(server) as http:
            project = project_of(http, "again")
            self.ended(http, add(http, project, "The barn was rebuilt in oak in 1702."))
            return ask(http, project)

    def log_of(self, name: str) -> str:
        """Return what a process logged."""
        return (self._folder / f"{name}.log").read_text()

    def ended(self, http: httpx2.Client, job_id: str) -> dict[str, Any]:
        """Return a job once it has ended."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            job = http.get(f"/v1/jobs/{job_id}", params={"wait": 10}).json()
            if job["status"] in ("completed", "failed", "cancelled"):
                return dict(job)
        raise AssertionError(f"the job did not end: {job}")

    def _roll(
        self, load: Load, old_server: RunningServer, old_worker: RunningWorker, project: str
    ) -> None:
        self._migrate()
        # The worker that dies began before the schema changed, and worked on both.
        self.seen.of_the_old = self._kill_holder_of(old_worker, "embed_chunks")
        new_server, new_worker = self._server("new"), self._worker("new", slow="ingest.indexed")
        for newer in (new_server, new_worker):
            newer.environment_too = self._newer
            self.cluster.begin(newer)
        new_server.wait_until_ready()
        load.targets = [old_server, new_server]
        self.seen.versions = [self._version(old_server), self._version(new_server)]
        self._await_end(self.seen.of_the_old)
        self._compare_answers(old_server, new_server, project)
        # From here on a worker of this release works beside one of the next.
        second = self._worker("second")
        self.cluster.begin(second)
        second.wait_until_ready()
        self.seen.of_the_new = self._kill_holder_of(new_worker, "summarize")
        wait_until(lambda: "work.of_another_release" in self.log_of("second"))
        self._show_new_kind(old_server, new_server)
        third = self._worker("third")
        third.environment_too = self._newer
        self.cluster.begin(third)
        third.wait_until_ready()
        self.seen.exits = [second.stop(), old_server.stop()]

    def _compare_answers(self, old: RunningServer, new: RunningServer, project: str) -> None:
        with self.cluster.http(old) as older, self.cluster.http(new) as newer:
            self.ended(newer, add(newer, project, "The zeppelin landed at the lighthouse."))
            hits = older.post(f"/v1/projects/{project}/search", json={"query": "zeppelin"}).json()
            self.seen.found_by_old = [hits["hits"][0]["text"]]
            self.seen.answered_by_old = ask(older, project)

    def _show_new_kind(self, old: RunningServer, new: RunningServer) -> None:
        """Delete a project by the next release while this one's worker is the only one."""
        with self.cluster.http(old) as older, self.cluster.http(new) as newer:
            project = project_of(older, "removed")
            self.seen.new_kind_job = newer.delete(f"/v1/projects/{project}").json()["job"]["id"]
            wait_until(lambda: self.seen.new_kind_job in self.cluster.held_by_any())
            self.seen.new_kind = older.get(f"/v1/jobs/{self.seen.new_kind_job}").json()

    def _kill_holder_of(self, worker: RunningProcess, step: str) -> list[str]:
        """Kill a worker at a moment when it holds jobs with this step behind them."""
        worker.wait_until_ready()
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            worker.send(SIGSTOP)
            rows = self.cluster.rows(_HELD_AFTER, pid=worker.pid, step=step)
            if rows:
                worker.kill()
                return [str(row[0]) for row in rows]
            worker.send(SIGCONT)
            time.sleep(0.05)
        raise AssertionError(f"no job was after {step}")

    def _await_end(self, jobs: list[str]) -> None:
        wait_until(lambda: all(row[0] for row in self.cluster.rows(_OUTCOMES, ids=jobs)))

    def _migrate(self) -> None:
        """Change the schema by the next release, beside the load."""
        done = subprocess.run(
            [RAGLINE, "migrate"],
            env=clean_environment(data_dir=self._folder / "migrate", **self._settings)
            | self._newer,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, done.stderr

    def _version(self, server: RunningServer) -> str:
        with self.cluster.http(server) as http:
            return str(http.get("/openapi.json").json()["info"]["version"])

    def _server(self, name: str, *options: str) -> RunningServer:
        given = () if options else ("--no-worker",)
        server = RunningServer(self._folder, *given, name=f"{name}-server", **self._settings)
        self.cluster.servers.append(server)
        return server

    def _worker(self, name: str, *, slow: str | None = None) -> RunningWorker:
        # Time for the killer to find it at work.
        more = {"failpoints": f"{slow}=sleep:0.2"} if slow else {}
        worker = RunningWorker(self._folder, name=name, **self._settings | more)
        self.cluster.workers.append(worker)
        return worker


_HELD_AFTER = (
    "SELECT w.workflow_uuid FROM workflow_status w"
    " JOIN executors e ON e.id = w.executor_id AND e.process = :pid"
    " JOIN operation_outputs o ON o.workflow_uuid = w.workflow_uuid AND o.function_name = :step"
    " JOIN jobs j ON j.workflow_id = w.workflow_uuid AND j.outcome IS NULL"
    " WHERE w.status = 'PENDING'"
)
_OUTCOMES = "SELECT outcome FROM jobs WHERE id IN :ids"


def text_of(number: int) -> str:
    """Return a text of some passages, like no other."""
    return " ".join(
        f"The shed {number} of row {row} holds {row * number} pots." for row in range(30)
    )


def project_of(http: httpx2.Client, name: str) -> str:
    """Make a project and return its id."""
    return str(http.post("/v1/projects", json={"name": name}).json()["id"])


def add(http: httpx2.Client, project: str, text: str) -> str:
    """Send a text and return its job."""
    answer = http.post(f"/v1/projects/{project}/documents", json={"text": text})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job"]["id"])


def ask(http: httpx2.Client, project: str) -> str:
    """Ask and return the answer."""
    answer = http.post(f"/v1/projects/{project}/chat", json={"question": QUESTION})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["answer"])


def wait_until(condition: Callable[[], bool]) -> None:
    """Look until something is so."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
