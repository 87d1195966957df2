"""How fast a server makes digital PDFs searchable, and what it takes beyond a bare loop.

Two sets of documents: real files as they are, and ten-page documents cut from them. Each is
ingested by a fresh server, cold (right after its start) and warm (after one small document),
then by the bare loop with as many processes as cores.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import RunningServer

from benchmarks import bare, machine, options, pdfs, processes
from benchmarks.report import Report
from ragline.client import Client
from ragline.client.models import Job
from ragline.client.uploads import batches

COLUMNS_EXPLAINED = (
    "Wall time runs from the first upload to the end of the last job. Efficiency is the CPU time "
    "of the processes that parse, split and embed, divided by cores × wall time. Warm: one small "
    "document went before, so that models are loaded; cold: right after the server's start."
)


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one run did; the CPU seconds are those of the main process and of its children."""

    seconds: float
    cpu: processes.Cpu
    pages: int
    chunks: int
    ends: Counter[str]


def main() -> None:
    """Measure both sets and print a table for each."""
    given = _options()
    report = Report("ingestion", vars(given))
    with options.data_dir(given) as folder:
        if given.set in ("files", "both"):
            _measure(given, report, "Files as they are", pdfs.originals(given.files))
        if given.set in ("ten-pages", "both"):
            cut = pdfs.ten_page_documents(given.documents, folder)
            _measure(given, report, "Documents of ten pages", cut)


def _options() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--set", choices=("files", "ten-pages", "both"), default="both")
    parser.add_argument("--files", type=int, help="take only so many of the files as they are")
    parser.add_argument("--documents", type=int, default=100, help="how many of ten pages")
    parser.add_argument("--runs", type=int, default=1, help="warm runs, each of a fresh server")
    return options.parsed(parser, "pdfs")


def _measure(given: argparse.Namespace, report: Report, title: str, paths: Sequence[Path]) -> None:
    warm_up = min(pdfs.originals(), key=lambda path: path.stat().st_size)
    paths = [path for path in paths if path != warm_up]
    loop = bare.run(paths, machine.cores(), warm_up)
    yardstick = Ingested(
        loop.seconds,
        processes.Cpu(0.0, loop.cpu_seconds),
        loop.pages,
        loop.chunks,
        Counter(completed=len(paths)),
    )
    rows = [_row("bare loop", yardstick, yardstick)]
    rows.append(_row("server, cold", _ingested(given, paths, None), yardstick))
    for number in range(1, given.runs + 1):
        name = "server, warm" + (f" {number}" if given.runs > 1 else "")
        rows.append(_row(name, _ingested(given, paths, warm_up), yardstick))
    report.table(f"{title} ({len(paths)})", rows, COLUMNS_EXPLAINED)


def _ingested(given: argparse.Namespace, paths: Sequence[Path], warm_up: Path | None) -> Ingested:
    """Ingest documents with a fresh server, after one that does not count if there is one."""
    with (
        options.data_dir(given) as data_dir,
        RunningServer(data_dir) as server,
        server.client() as client,
    ):
        project = client.create_project("benchmark").id
        if warm_up is not None:
            _ends(client, _uploaded(client, project, [warm_up]))
        before, began = processes.cpu(server.pid), time.time()
        jobs = _ends(client, _uploaded(client, project, paths))
        used = processes.cpu(server.pid) - before
    finished = max(job.finished_at.timestamp() for job in jobs if job.finished_at)
    return Ingested(
        finished - began,
        used,
        sum((job.result or {}).get("pages", 0) for job in jobs),
        sum((job.result or {}).get("chunks", 0) for job in jobs),
        Counter(job.status for job in jobs),
    )


def _uploaded(client: Client, project: str, paths: Sequence[Path]) -> list[str]:
    """Send files as the command line does, and return the ids of the jobs on top."""
    uploads = [client.upload(project, batch) for batch in batches(paths)]
    return [upload.job.id for upload in uploads if upload.job is not None]


def _ends(client: Client, job_ids: Sequence[str]) -> list[Job]:
    """Wait for jobs, and return those that ingested one document each."""
    ended: list[Job] = []
    for job_id in job_ids:
        *_, job = client.wait_for(job_id)
        ended += [job] if job.kind == "ingest" else list(client.jobs(parent=job_id))
    return ended


def _row(name: str, run: Ingested, yardstick: Ingested) -> dict[str, Any]:
    documents = run.ends.total()
    return {
        "run": name,
        "wall s": run.seconds,
        "documents/min": 60 * documents / run.seconds,
        "pages/s": run.pages / run.seconds,
        "chunks/s": run.chunks / run.seconds,
        "pages": run.pages,
        "chunks": run.chunks,
        "not completed": documents - run.ends["completed"],
        "CPU s, children": run.cpu.children,
        "CPU s, main": run.cpu.main,
        "efficiency %": 100 * run.cpu.children / (machine.cores() * run.seconds),
        "wall, bare = 1": run.seconds / yardstick.seconds,
    }


if __name__ == "__main__":
    main()
