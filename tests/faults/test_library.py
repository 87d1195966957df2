"""A library that is imported while its server is killed is there once, and paid for once."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chat.asking import http_to
from tests.fakes.openai_server import FakeOpenAI
from tests.faults import library
from tests.ingestion.noisy import CALL_COST, reset, settings
from tests.servers import RunningServer

LONGEST_LIFE_SECONDS = 4.0
# The killer's patience is no sign of poison.
SETTINGS: dict[str, object] = {
    "pages_per_batch": 4,
    "import_batch": 10,
    "max_idle_starts": 100,
    "clean_batch": 1,
}


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI().running() as server:
        reset(server)
        yield server


@pytest.mark.data
@pytest.mark.parametrize(
    ("documents", "kills", "seconds"),
    [
        pytest.param(40, 2, 240, id="short"),
        pytest.param(
            1000, 20, 5400, id="full", marks=[pytest.mark.faults, pytest.mark.timeout(6000)]
        ),
    ],
)
def test_killed_import(
    tmp_path: Path, test_data: Path, fake: FakeOpenAI, documents: int, kills: int, seconds: float
) -> None:
    """After SIGKILLs at random moments nothing is missing, doubled, or read or paid for twice."""

    archive = library.pack(tmp_path, test_data, documents)
    with RunningServer(tmp_path / "data", **(settings(fake) | SETTINGS)) as server:
        job_id = begin(server, archive)
        kill_at_random(server, job_id, kills, random.Random(20261122))
        job = ended(server, job_id, seconds)

        assert ("completed", documents) == (job["status"], job["result"]["completed"]), job
        assert documents == library.number_of(server, "SELECT count(*) FROM documents")
        assert [] == library.flaws(server)
        calls = library.number_of(server, "SELECT count(*) FROM paid_calls")
        assert library.NOISY <= calls <= len(fake.requests) <= calls + kills * AT_ONCE
        assert job["cost"] == pytest.approx(calls * CALL_COST)


AT_ONCE = 8
"""Calls that may be under way when a server is killed: one for each document at work."""


def begin(server: RunningServer, archive: Path) -> str:
    """Start the import and return its job's id."""
    with http_to(server) as http:
        body = {"name": "library", "clean": True}
        project = http.post("/v1/projects", json=body).json()["id"]
        with archive.open("rb") as file:
            answer = http.post(
                f"/v1/projects/{project}/imports", files=[("file", (archive.name, file))]
            )
        assert 202 == answer.status_code, answer.text
        return str(answer.json()["job"]["id"])


def kill_at_random(server: RunningServer, job_id: str, kills: int, chance: random.Random) -> None:
    """Kill and restart until so many kills have met work under way."""
    landed = 0
    under_way = "SELECT count(*) FROM workflow_status WHERE status = 'PENDING'"
    unfinished = "SELECT count(*) FROM jobs WHERE id = ? AND outcome IS NULL"
    while landed < kills:
        time.sleep(chance.uniform(0.05, LONGEST_LIFE_SECONDS))
        server.kill()
        landed += library.number_of(server, under_way) > 0
        assert library.number_of(server, unfinished, job_id), f"ended after {landed} kills"
        server.start()


def ended(server: RunningServer, job_id: str, seconds: float) -> dict[str, object]:
    """Return the import once it has ended."""
    deadline = time.monotonic() + seconds
    with http_to(server) as http:
        while time.monotonic() < deadline:
            job = dict(http.get(f"/v1/jobs/{job_id}", params={"wait": 30}).json())
            if job["status"] in library.ENDED:
                return job
    raise AssertionError(f"the import did not end in {seconds} s: {job}")
