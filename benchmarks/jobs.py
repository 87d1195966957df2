"""How quickly jobs start, are told of and are looked at, and how far off estimates are.

Each table starts a server of its own. `--database postgresql` runs one HTTP process and one
worker on a PostgreSQL of their own instead of the embedded server.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx2
import numpy as np
from tests.postgres import running
from tests.servers import RunningProcess, RunningServer, RunningWorker

from benchmarks import options, processes
from benchmarks.report import Report
from ragline.client import Client, Job

KEY = "rl_benchmark"


@dataclass(frozen=True, slots=True)
class Served:
    """A server to measure, a client for it, and the process that does its work."""

    server: RunningServer
    client: Client
    http: httpx2.Client
    worker: RunningProcess


def main() -> None:
    """Measure starts of chat jobs, events, reads among 10,000 queued jobs, estimates, idling."""
    given = _options()
    report = Report("jobs", vars(given))
    report.table(
        "From acceptance to start, questions as jobs",
        [_starts(given, pause) for pause in (0.3, 2.0)],
        "Times of the server's own rows: created_at to started_at. Pauses are those between two "
        "questions.",
    )
    report.table(
        "From an event's row to a client's stream",
        [_events(given)],
        "Both clocks are this machine's.",
    )
    report.table(f"GET /v1/jobs/{{id}} while {given.queued} jobs are queued", [_reads(given)])
    report.table(
        "Estimates, taken when a job was queued or had just begun, against what it took",
        [_estimates(given)],
        "Error: |estimate − truth| ÷ truth. In range: the truth lay between the estimate's ends.",
    )
    report.table(
        "An idle server, percent of a core",
        [_idle(given)],
        f"CPU time of the process that works, over {given.idle_seconds:g} s.",
    )


def _options() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--queued", type=int, default=10_000)
    parser.add_argument("--documents", type=int, default=60, help="of the estimates")
    parser.add_argument("--idle-seconds", type=float, default=30)
    return options.parsed(parser)


@contextmanager
def _served(given: argparse.Namespace, **settings: object) -> Iterator[Served]:
    with ExitStack() as stack:
        data_dir = stack.enter_context(options.data_dir(given))
        settings |= {"api_key": KEY}
        if given.database == "sqlite":
            server = stack.enter_context(RunningServer(data_dir, **settings))
            worker: RunningProcess = server
        else:
            folder = Path(data_dir).parent / "postgres"
            settings["database_url"] = stack.enter_context(running(folder)).new_database()
            server = stack.enter_context(RunningServer(data_dir, "--no-worker", **settings))
            worker = stack.enter_context(RunningWorker(data_dir, **settings))
        client = stack.enter_context(server.client())
        http = httpx2.Client(
            base_url=server.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60
        )
        yield Served(server, client, stack.enter_context(http), worker)


def _project(served: Served) -> str:
    """Return a project whose one text loaded the models."""
    project = served.client.create_project("benchmark").id
    upload = served.client.add_text(project, "The valve was checked and found in order.")
    assert upload.job is not None
    _ended(served.client, upload.job.id)
    return project


def _ended(client: Client, job_id: str) -> Job:
    return deque(client.wait_for(job_id), maxlen=1).pop()


def _starts(given: argparse.Namespace, pause: float) -> dict[str, Any]:
    with _served(given) as served:
        path = f"/v1/projects/{_project(served)}/chat"
        _ended(served.client, _ask(served, path, "Which valve was checked?"))
        ids = []
        for number in range(given.questions if pause < 1 else given.questions // 3):
            ids.append(_ask(served, path, f"Was valve {number} checked?"))
            time.sleep(pause)
        jobs = [_ended(served.client, job_id) for job_id in ids]
    waits = [_seconds(job.created_at, job.started_at) for job in jobs]
    return {"pause s": pause, **_percentiles(waits)}


def _ask(served: Served, path: str, question: str) -> str:
    answer = served.http.post(
        path, json={"question": question}, headers={"Prefer": "respond-async"}
    )
    answer.raise_for_status()
    return str(answer.json()["job"]["id"])


def _events(given: argparse.Namespace) -> dict[str, Any]:
    delays: list[float] = []
    with _served(given) as served:
        project = _project(served)
        listening = threading.Event()

        def listen() -> None:
            with served.server.client() as client:
                listening.set()
                for event in client.project_events(project):
                    delays.append(time.time() - event.created_at.timestamp())
                    if len(delays) >= given.questions:
                        return

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        listening.wait()
        time.sleep(1)
        number = 0
        while thread.is_alive():
            served.client.add_text(project, f"Entry {number} of the log.")
            number += 1
            time.sleep(0.5)
    return _percentiles(delays)


def _reads(given: argparse.Namespace) -> dict[str, Any]:
    with _served(given, max_backlog=10 * given.queued) as served:
        project = _project(served)
        served.client.pause_queue("ingest")
        ids = []
        for start in range(0, given.queued, 100):
            files = [
                ("file", (f"{n}.txt", f"Entry {n} of the log.".encode()))
                for n in range(start, min(start + 100, given.queued))
            ]
            answer = served.http.post(f"/v1/projects/{project}/documents", files=files)
            answer.raise_for_status()
            ids.append(answer.json()["documents"][0]["id"])
        newest = next(iter(served.client.jobs(kind="ingest", limit=1)))
        times = []
        for _ in range(300):
            began = time.perf_counter()
            job = served.client.job(newest.id)
            times.append(time.perf_counter() - began)
    return {"place in the queue": job.queue_position, **_percentiles(times)}


def _estimates(given: argparse.Namespace) -> dict[str, Any]:
    with _served(given) as served:
        project = _project(served)
        _upload_texts(served, project, "warm", 20)
        ids = _upload_texts(served, project, "measured", given.documents, wait=False)
        asked = {}
        for job_id in ids:
            job = served.client.job(job_id)
            asked[job_id] = (time.time(), job)
        ended = {job_id: _ended(served.client, job_id) for job_id in ids}
    errors, within = [], []
    for job_id, (moment, job) in asked.items():
        finished = ended[job_id].finished_at
        assert finished is not None
        truth = finished.timestamp() - moment
        if job.eta_seconds is None or truth <= 0:
            continue
        errors.append(abs(job.eta_seconds - truth) / truth)
        within.append((job.eta_low_seconds or 0) <= truth <= (job.eta_high_seconds or 0))
    return {
        "jobs": len(errors),
        "median error %": 100 * median(errors),
        "p90 error %": 100 * float(np.percentile(errors, 90)),
        "in range %": 100 * sum(within) / len(within),
    }


def _upload_texts(
    served: Served, project: str, name: str, count: int, *, wait: bool = True
) -> list[str]:
    """Upload texts of a few pages; return the ids of their jobs."""
    ids = []
    for number in range(count):
        text = f"{name} {number}. " + "The pump ran without a fault for another day. " * 300
        upload = served.client.add_text(project, text)
        assert upload.job is not None
        ids.append(upload.job.id)
    if wait:
        for job_id in ids:
            _ended(served.client, job_id)
    return ids


def _idle(given: argparse.Namespace) -> dict[str, Any]:
    with _served(given) as served:
        _project(served)
        time.sleep(10)
        before = processes.cpu(served.worker.pid)
        time.sleep(given.idle_seconds)
        used = processes.cpu(served.worker.pid) - before
    return {
        "process %": 100 * used.main / given.idle_seconds,
        "with children %": 100 * used.total / given.idle_seconds,
    }


def _percentiles(seconds: list[float]) -> dict[str, Any]:
    p50, p95 = 1000 * np.percentile(seconds, (50, 95))
    return {"n": len(seconds), "p50 ms": float(p50), "p95 ms": float(p95)}


def _seconds(earlier: datetime, later: datetime | None) -> float:
    assert later is not None, "the job was started"
    return (later - earlier).total_seconds()


if __name__ == "__main__":
    main()
