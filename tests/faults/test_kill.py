"""A server that is killed again and again ends with the same index as one that never was."""

from __future__ import annotations

import json
import random
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ragline.providers import registry
from ragline.settings import load_settings
from tests.servers import RunningServer

ENDED = ("completed", "failed", "cancelled")
FOLDERS = (
    "en_article",
    "fr_digital",
    "en_multicolumn",
    "slides",
    "tables",
    "maths",
    "large",
    "other_language",
    "scan",
)
LONGEST_RUN_SECONDS = 600
LONGEST_LIFE_SECONDS = 3.0
# Small batches, so that many are under way; the killer's patience is no sign of poison. Reading
# scans has tests of its own, which would take minutes here.
SETTINGS: dict[str, object] = {"pages_per_batch": 8, "max_idle_starts": 40, "ocr": "none"}


@dataclass
class Outcome:
    """What a run left behind, with ids replaced by what documents are: their content."""

    jobs: Counter[str] = field(default_factory=Counter)
    chunks: dict[tuple[str, int], tuple[int, int, str]] = field(default_factory=dict)
    vectors: Counter[str] = field(default_factory=Counter)


@pytest.mark.parametrize(
    ("documents", "kills"),
    [
        pytest.param(4, 2, id="short"),
        pytest.param(45, 30, id="full", marks=pytest.mark.faults),
    ],
)
def test_killed_server_loses_and_doubles_nothing(
    tmp_path: Path, test_data: Path, documents: int, kills: int
) -> None:
    """After SIGKILLs at random moments all jobs end and the index equals an undisturbed one."""
    files = _files(test_data, documents)
    with RunningServer(tmp_path / "calm", **SETTINGS) as calm:
        _upload(calm, files)
        _wait_for_end(calm)
        expected = _outcome(calm)

    with RunningServer(tmp_path / "killed", **SETTINGS) as server:
        _upload(server, files)
        _kill_at_random(server, kills, random.Random(20261122))
        _wait_for_end(server)

        actual = _outcome(server)
        assert expected.jobs == actual.jobs
        assert expected.chunks == actual.chunks
        assert expected.vectors == actual.vectors
        assert [] == _read_after_stored(server.log_path.read_text())
        assert {} == _event_faults(server)


def _files(test_data: Path, count: int) -> list[Path]:
    found = [path for name in FOLDERS for path in sorted((test_data / "pdfs" / name).glob("*.pdf"))]
    # Those with many pages first: kills must find work under way.
    return sorted(found, key=lambda path: -path.stat().st_size)[:count]


def _upload(server: RunningServer, files: list[Path]) -> None:
    with _http(server) as http:
        project = http.post("/v1/projects", json={"name": "library"}).json()["id"]
        for path in files:
            parts = [("file", (path.name, path.read_bytes()))]
            answer = http.post(f"/v1/projects/{project}/documents", files=parts)
            assert answer.status_code == 202, answer.text


def _kill_at_random(server: RunningServer, kills: int, chance: random.Random) -> None:
    """Kill and restart until so many kills have met work under way."""
    landed = tried = 0
    while landed < kills:
        time.sleep(chance.uniform(0.05, LONGEST_LIFE_SECONDS))
        server.kill()
        tried += 1
        landed += _claimed(server) > 0
        assert _unfinished(server) > 0, f"all was done after {landed} of {kills} kills"
        server.start()
    print(f"kills: {tried}, landed on running work: {landed}")


def _claimed(server: RunningServer) -> int:
    with _database(server) as rows:
        query = "SELECT count(*) FROM workflow_status WHERE status = 'PENDING'"
        return int(rows.execute(query).fetchone()[0])


def _unfinished(server: RunningServer) -> int:
    with _database(server) as rows:
        return int(rows.execute("SELECT count(*) FROM jobs WHERE outcome IS NULL").fetchone()[0])


def _wait_for_end(server: RunningServer) -> None:
    deadline = time.monotonic() + LONGEST_RUN_SECONDS
    with _http(server) as http:
        while any(job["status"] not in ENDED for job in _jobs(http)):
            assert time.monotonic() < deadline, "jobs did not end"
            time.sleep(0.5)


def _http(server: RunningServer) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {server.api_key}"}
    return httpx2.Client(base_url=server.url, headers=headers, timeout=90)


def _jobs(http: httpx2.Client) -> Iterator[dict[str, Any]]:
    after: dict[str, str] = {}
    while True:
        page = http.get("/v1/jobs", params={"limit": 200, **after}).json()
        yield from page["jobs"]
        if not page["has_more"]:
            return
        after = {"after": page["jobs"][-1]["id"]}


def _outcome(server: RunningServer) -> Outcome:
    """Read the rows and the index as they are on disk."""
    result = Outcome()
    with _database(server) as rows:
        for content, outcome in rows.execute(
            "SELECT d.content_hash, j.outcome FROM jobs j JOIN documents d ON d.id = j.document_id"
        ):
            result.jobs[f"{content} {outcome}"] += 1
        for content, ordinal, *rest in rows.execute(
            "SELECT d.content_hash, c.ordinal, c.page_start, c.page_end, c.text FROM chunks c"
            " JOIN documents d ON d.id = c.document_id"
        ):
            assert (content, ordinal) not in result.chunks, "a chunk is there twice"
            result.chunks[content, ordinal] = tuple(rest)
        documents = dict(rows.execute("SELECT id, content_hash FROM documents"))
    server.stop()
    result.vectors = _vectors(server, documents)
    server.start()
    return result


def _vectors(server: RunningServer, documents: dict[str, str]) -> Counter[str]:
    """Count the vectors of each document, by its content."""
    # The index has one owner at a time, so the server is down while it is read.
    settings = load_settings(_env_file=None, data_dir=server.data_dir)
    store = registry.vector_store("qdrant_edge", settings, dimensions=512)
    try:
        return Counter({c: store.count(document_id=i) for i, c in documents.items()})
    finally:
        store.close()


def _read_after_stored(log: str) -> list[str]:
    """Return the pages that were read although their text was stored before."""
    stored: set[tuple[str, int]] = set()
    violations = []
    for line in log.splitlines():
        if not re.search(r'"event": "pages\.(read|stored)"', line):
            continue
        entry = json.loads(line)
        pages = {(entry["document_id"], n) for n in range(entry["first"], entry["last"] + 1)}
        if entry["event"] == "pages.stored":
            stored |= pages
        elif again := pages & stored:
            violations.append(f"{entry['timestamp']} {sorted(again)}")
    return violations


def _event_faults(server: RunningServer) -> dict[str, str]:
    """Return the jobs whose events have gaps or not exactly one end."""
    faults = {}
    with _database(server) as rows:
        for (job,) in rows.execute("SELECT id FROM jobs").fetchall():
            events = rows.execute(
                "SELECT number, type FROM events WHERE job_id = ? ORDER BY number", (job,)
            ).fetchall()
            numbers = [number for number, _ in events]
            ends = [kind for _, kind in events if kind.removeprefix("job.") in ENDED]
            if numbers != list(range(1, len(events) + 1)) or len(ends) != 1:
                faults[job] = str(events)
    return faults


def _database(server: RunningServer) -> sqlite3.Connection:
    return sqlite3.connect(server.data_dir / "ragline.db", timeout=30)
