"""How long a server takes to accept a text, at a fixed rate of arrival.

The load comes from a process of its own, and each time is counted from the moment when a
request was due (open loop). What is accepted is ingested meanwhile; "idle" therefore means a
server that works on one document at a time, "busy" one that ingests PDFs on all cores, and
"scaled" two HTTP processes and a worker on a PostgreSQL of their own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sqlite3
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg
from tests.postgres import running
from tests.servers import RunningServer, RunningWorker

from benchmarks import options, pdfs, processes
from benchmarks.load import Sample, Target, open_loop
from benchmarks.report import Report
from ragline.client import Client
from ragline.client.uploads import batches

Ends = Counter[tuple[str, str]]
"""How many documents there are, by media type and by what became of their job."""


def main() -> None:
    """Measure an idle server, then one that is ingesting PDFs."""
    given = _options()
    report = Report("accept", vars(given))
    rows = []
    if given.variant in ("idle", "both", "all"):
        rows.append(_measured(given, "idle", [], ingest_concurrency=1))
    if given.variant in ("busy", "both", "all"):
        with options.data_dir(given) as folder:
            documents = pdfs.ten_page_documents(given.documents, folder)
            rows.append(_measured(given, "busy", documents))
    if given.variant in ("scaled", "all"):
        rows += [_scaled(given, paused=paused) for paused in (False, True)]
    report.table(
        f"POST of texts, {given.rate:g} per second for {given.seconds:g} s",
        rows,
        "Times run from when a request was due to the end of its answer. Idle: ingest "
        "concurrency 1. Scaled: CPU of both HTTP processes, then of the worker. Busy: while PDFs "
        "of ten pages are ingested with the default settings; where none were open at the end, "
        "ask for more with --documents.",
    )


def _options() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument(
        "--variant", choices=("idle", "busy", "scaled", "both", "all"), default="all"
    )
    parser.add_argument("--rate", type=float, default=150, help="texts per second")
    parser.add_argument("--scaled-rate", type=float, default=300, help="with PostgreSQL")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--connections", type=int, default=64, help="most requests at a time")
    parser.add_argument("--documents", type=int, default=200, help="PDFs of the busy server")
    return options.parsed(parser, "pdfs")


def _measured(
    given: argparse.Namespace, name: str, documents: Sequence[Path], **settings: object
) -> dict[str, Any]:
    """Offer texts to a fresh server whose models are loaded, after sending it documents."""
    with (
        options.data_dir(given) as data_dir,
        RunningServer(data_dir, **settings) as server,
        server.client() as client,
    ):
        project = client.create_project("benchmark").id
        _warm_up(client, project)
        for batch in batches(documents):
            client.upload(project, batch)
        before, cpu_before = _ends(data_dir), processes.cpu(server.pid)
        sample = _load(given, server, project, name)
        after, used = _ends(data_dir), processes.cpu(server.pid) - cpu_before
    done = after - before
    return {
        "server": name,
        **sample.row(),
        "texts ingested": done["text/plain", "completed"],
        "PDFs ingested": done["application/pdf", "completed"],
        "PDFs open after": after["application/pdf", "open"],
        "CPU s, main": used.main,
        "CPU s, children": used.children,
    }


def _scaled(given: argparse.Namespace, *, paused: bool) -> dict[str, Any]:
    """Offer texts to two HTTP processes beside one worker."""
    given = argparse.Namespace(**vars(given) | {"rate": given.scaled_rate})
    with ExitStack() as stack:
        data_dir = stack.enter_context(options.data_dir(given))
        postgres = stack.enter_context(running(data_dir.parent / "postgres"))
        settings = {"database_url": postgres.new_database(), "api_key": "rl_benchmark"}
        server = stack.enter_context(RunningServer(data_dir, "--workers", "2", **settings))
        worker = stack.enter_context(RunningWorker(data_dir, **settings))
        client = stack.enter_context(server.client())
        project = client.create_project("benchmark").id
        _warm_up(client, project)
        if paused:
            client.pause_queue("ingest")
        before, served, worked = (
            _ends_in(settings["database_url"]),
            processes.cpu(server.pid),
            processes.cpu(worker.pid),
        )
        sample = _load(given, server, project, "scaled")
        done = _ends_in(settings["database_url"]) - before
        return {
            "server": "scaled, queue paused" if paused else "scaled",
            **sample.row(),
            "texts ingested": done["text/plain", "completed"],
            "PDFs ingested": 0,
            "PDFs open after": 0,
            "CPU s, main": (processes.cpu(server.pid) - served).total,
            "CPU s, children": (processes.cpu(worker.pid) - worked).total,
        }


def _warm_up(client: Client, project: str) -> None:
    upload = client.add_text(project, "The first text loads the models.")
    assert upload.job is not None
    for _ in client.wait_for(upload.job.id):
        pass


def _load(given: argparse.Namespace, server: RunningServer, project: str, name: str) -> Sample:
    """Run the open loop in a process of its own."""
    target = Target(server.url, f"/v1/projects/{project}/documents", server.api_key)
    # Each text is another one: content that is there already would be no new work.
    bodies = [
        {"text": f"Entry {number} of the {name} log: the valve was checked and found in order."}
        for number in range(round(given.rate * given.seconds))
    ]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as generator:
        return generator.submit(open_loop, target, bodies, given.rate, given.connections).result()


_ENDS = (
    "SELECT d.media_type, coalesce(j.outcome, 'open'), count(*) FROM jobs j "
    "JOIN documents d ON d.id = j.document_id GROUP BY 1, 2"
)


def _ends(data_dir: Path) -> Ends:
    """Count documents in the database itself: asking the server would be load."""
    with closing(sqlite3.connect(f"file:{data_dir / 'ragline.db'}?mode=ro", uri=True)) as database:
        return Counter({(kind, end): number for kind, end, number in database.execute(_ENDS)})


def _ends_in(url: str) -> Ends:
    with psycopg.connect(url.replace("+psycopg", "")) as database:
        return Counter({(kind, end): number for kind, end, number in database.execute(_ENDS)})


if __name__ == "__main__":
    main()
