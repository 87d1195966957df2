"""Asking questions as jobs, of a server whose model is a fake."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any

import httpx2
from tests.fakes.openai_server import FakeOpenAI
from tests.servers import RunningServer

QUESTION = "How long does the warranty of the kettle last?"
TEXT = "The warranty of the kettle lasts two years. It covers all parts except the filter."
ANSWER = "The warranty lasts two years [1]."
WAIT_SECONDS = 60


def model_settings(fake: FakeOpenAI) -> dict[str, object]:
    """Return the settings of a server that asks the fake."""
    return {
        "llm": "openai",
        "openai_base_url": fake.url,
        "openai_model": "fake-1",
        "chat_poll_seconds": 0.05,
        # Each question is to reach the model.
        "cache": False,
    }


def http_to(server: RunningServer) -> httpx2.Client:
    """Return a client that bears the server's first key."""
    headers = {"Authorization": f"Bearer {server.api_key}"}
    return httpx2.Client(base_url=server.url, headers=headers, timeout=90, verify=False)


def add_library(http: httpx2.Client) -> str:
    """Make a project that knows the answer and return its id."""
    name = f"library {time.monotonic_ns()}"
    project = str(http.post("/v1/projects", json={"name": name}).json()["id"])
    body = {"text": TEXT, "title": "Kettle"}
    job = http.post(f"/v1/projects/{project}/documents", json=body).json()["job"]
    assert "completed" == ended(http, job["id"])["status"]
    return project


def ask(http: httpx2.Client, project: str, prefer: str | None = "respond-async") -> Any:
    """Send the question and return the response."""
    headers = {"Prefer": prefer} if prefer else {}
    url = f"/v1/projects/{project}/chat"
    return http.post(url, json={"question": QUESTION}, headers=headers)


def ended(http: httpx2.Client, job_id: str) -> dict[str, Any]:
    """Return a job once it has ended."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        job = http.get(f"/v1/jobs/{job_id}", params={"wait": 10}).json()
        if job["status"] in ("completed", "failed", "cancelled"):
            return dict(job)
    raise AssertionError(f"the job did not end in {WAIT_SECONDS} s: {job}")


def wait_until(condition: Callable[[], bool]) -> None:
    """Look until something is so."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def count(server: RunningServer, query: str) -> int:
    """Return what a query on the server's database counts."""
    rows = sqlite3.connect(server.data_dir / "ragline.db", timeout=30)
    try:
        return int(rows.execute(query).fetchone()[0])
    finally:
        rows.close()
