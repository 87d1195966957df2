"""What a server costs before it does anything: start, imports, idle CPU time and memory."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from tests.servers import RAGLINE, RunningServer, clean_environment

from benchmarks import filling, options, pdfs, processes
from benchmarks.load import Target, closed_loop
from benchmarks.report import Report
from ragline.client.uploads import batches

SETTLE_SECONDS = 5
SEARCHES = 50
IMPORTS = ("ragline.cli", "ragline.client", "ragline.cli.serve")


def main() -> None:
    """Measure starts, imports and an idle server, a table for each."""
    given = _options()
    report = Report("start", vars(given))
    report.table(
        "Start until ready", _starts(given), "Read from the server's own line, every 20 ms."
    )
    report.table("Imports, each in a fresh interpreter", _imports(given.starts))
    report.table(
        "The idle server, all its processes",
        _idle(given),
        f"CPU time over {given.idle_seconds:g} s as percent of one core. RSS counts memory that "
        "processes share once for each, PSS once in all.",
    )


def _options() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--chunks", type=int, default=10_000, help="of the filled directory")
    parser.add_argument("--base", type=int, default=1_000, help="chunks embedded for real")
    parser.add_argument("--idle-seconds", type=float, default=30)
    parser.add_argument("--files", type=int, help="ingest only so many PDFs")
    return options.parsed(parser, "pdfs", "retrieval")


def _starts(given: argparse.Namespace) -> list[dict[str, Any]]:
    empty = []
    for _ in range(given.starts):
        with options.data_dir(given) as data_dir:
            empty.append(_seconds_to_ready(data_dir))
    with options.data_dir(given) as data_dir:
        filled = filling.fill(data_dir, given.chunks, given.base)
        again = [_seconds_to_ready(data_dir) for _ in range(given.starts)]
    name = f"{filled.chunks} chunks of {filled.documents} documents"
    return [_spread("data directory", "empty", empty), _spread("data directory", name, again)]


def _seconds_to_ready(data_dir: Path) -> float:
    server = RunningServer(data_dir)
    seconds = server.start()
    server.stop()
    return seconds


def _imports(times: int) -> list[dict[str, Any]]:
    rows = [_spread("what", f"import {name}", _import(name, times)) for name in IMPORTS]
    return [*rows, _spread("what", "ragline --help, all in all", [_help() for _ in range(times)])]


def _import(module: str, times: int) -> list[float]:
    code = (
        "import time; began = time.perf_counter(); "
        f"import {module}; print(time.perf_counter() - began)"
    )
    command = [sys.executable, "-c", code]
    return [float(subprocess.check_output(command, text=True)) for _ in range(times)]


def _help() -> float:
    began = time.perf_counter()
    subprocess.run(
        [RAGLINE, "--help"], check=True, stdout=subprocess.DEVNULL, env=clean_environment()
    )
    return time.perf_counter() - began


def _spread(key: str, name: str, seconds: list[float]) -> dict[str, Any]:
    return {
        key: name,
        "times": len(seconds),
        "median s": median(seconds),
        "least s": min(seconds),
        "most s": max(seconds),
    }


def _idle(given: argparse.Namespace) -> list[dict[str, Any]]:
    with _fresh(given) as server:
        rows = [_state(server, "before any work", given.idle_seconds)]
        _ingest_and_search(server, pdfs.originals(given.files))
        rows.append(_state(server, "after ingest and search", given.idle_seconds))
    return rows


@contextmanager
def _fresh(given: argparse.Namespace) -> Iterator[RunningServer]:
    with options.data_dir(given) as data_dir, RunningServer(data_dir) as server:
        yield server


def _state(server: RunningServer, name: str, seconds: float) -> dict[str, Any]:
    time.sleep(SETTLE_SECONDS)
    percent = processes.idle_percent(server.pid, seconds)
    held = processes.memory(server.pid)
    return {
        "state": name,
        "idle CPU %": percent,
        "RSS MiB": held.rss,
        "PSS MiB": held.pss,
        "processes": held.processes,
    }


def _ingest_and_search(server: RunningServer, paths: list[Path]) -> None:
    with server.client() as client:
        project = client.create_project("benchmark").id
        uploads = [client.upload(project, batch) for batch in batches(paths)]
        for job in [upload.job for upload in uploads if upload.job]:
            for _ in client.wait_for(job.id):
                pass
    target = Target(server.url, f"/v1/projects/{project}/search", server.api_key)
    closed_loop(target, [{"query": each} for each in filling.questions(SEARCHES)], 1)


if __name__ == "__main__":
    main()
