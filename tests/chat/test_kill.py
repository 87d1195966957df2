"""A question survives the death of its server, and is not paid for more than need be."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.chat.asking import add_library, ask, ended, http_to, model_settings, wait_until
from tests.fakes.openai_server import FakeOpenAI, completion
from tests.servers import RunningServer


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI().running() as server:
        yield server


def ends(server: RunningServer, job: str) -> list[str]:
    """Return the terminal events of a job, after holding its events to be without gaps."""
    rows = sqlite3.connect(server.data_dir / "ragline.db", timeout=30)
    query = "SELECT number, type FROM events WHERE job_id = ? ORDER BY number"
    events = rows.execute(query, (job,)).fetchall()
    rows.close()
    assert list(range(1, len(events) + 1)) == [number for number, _ in events]
    return [kind for _, kind in events if kind in ("job.completed", "job.failed", "job.cancelled")]


def test_killed_during_the_call(tmp_path: Path, fake: FakeOpenAI) -> None:
    """A server that is killed while the model answers pays once more, and the job completes."""

    never = threading.Event()
    fake.replies.append(completion(until=never))
    limits = json.dumps({"openai": {"concurrent": 2, "per_minute": 10}})
    with RunningServer(tmp_path, provider_limits=limits, **model_settings(fake)) as server:
        with http_to(server) as http:
            job = ask(http, add_library(http)).json()["job"]["id"]
            wait_until(lambda: len(fake.requests) == 1)
        server.kill()
        server.start()
        with http_to(server) as http:
            done = ended(http, job)

        assert "completed" == done["status"]
        assert 2 == len(fake.requests)
        assert ["job.completed"] == ends(server, job)


@pytest.mark.parametrize(("point", "paid"), [("chat.answered", 2), ("chat.stored", 1)])
def test_killed_after_the_answer(tmp_path: Path, fake: FakeOpenAI, point: str, paid: int) -> None:
    """An answer that was stored before the server died is not paid for again."""

    settings = model_settings(fake)
    with RunningServer(tmp_path, failpoints=f"{point}=kill", **settings) as server:
        with http_to(server) as http:
            job = ask(http, add_library(http)).json()["job"]["id"]
        wait_until(lambda: f"failpoint {point}=kill" in server.log_path.read_text())
    with RunningServer(tmp_path, **settings) as server, http_to(server) as http:
        done = ended(http, job)

        assert ("completed", paid) == (done["status"], len(fake.requests))
        assert ["job.completed"] == ends(server, job)
