"""A server that makes better vectors with a model at a fake service, and what it says of them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx2
from tests.fakes.openai_server import Reply
from tests.fakes.text_embeddings import FakeTextEmbeddings
from tests.servers import RunningServer

SECONDS = 90


def better_settings(fake: FakeTextEmbeddings, **changes: Any) -> dict[str, Any]:
    """Return the settings of a server whose better model is the fake's."""
    endpoint = {"base_url": fake.url, "model": "tiny", "dimensions": 48, "texts_per_call": 2}
    return {
        "better_vectors": "idle",
        "better_look_seconds": 0.1,
        "better_embedders": json.dumps({"*": "tiny"}),
        "embedder_endpoints": json.dumps({"tiny": endpoint}),
        "idle_poll_seconds": 0.1,
    } | changes


def client(server: RunningServer) -> httpx2.Client:
    """Return a client that bears the server's first key."""
    return httpx2.Client(
        base_url=server.url,
        headers={"Authorization": f"Bearer {server.api_key}"},
        timeout=SECONDS,
        verify=False,
    )


def project(http: httpx2.Client, name: str) -> str:
    """Make a project and return its id."""
    return str(http.post("/v1/projects", json={"name": name}).json()["id"])


def add(http: httpx2.Client, project_id: str, *texts: str) -> list[str]:
    """Ingest texts and return the ids of their documents."""
    url = f"/v1/projects/{project_id}/documents"
    answers = [http.post(url, json={"text": text}).json() for text in texts]
    for answer in answers:
        ended(http, answer["job"]["id"])
    return [answer["documents"][0]["id"] for answer in answers]


def ended(http: httpx2.Client, job_id: str) -> dict[str, Any]:
    """Return a job once it has ended."""
    found = until(lambda: _ended(http.get(f"/v1/jobs/{job_id}", params={"wait": 5}).json()))
    return dict(found)


def better(http: httpx2.Client, project_id: str) -> dict[str, Any]:
    """Return what the project says of its better vectors."""
    return dict(http.get(f"/v1/projects/{project_id}").json()["search"]["better"])


def ready(http: httpx2.Client, project_id: str, chunks: int) -> dict[str, Any]:
    """Return what the project says of its better vectors once it has so many, and no more work."""

    def look() -> dict[str, Any] | None:
        said = better(http, project_id)
        known = said["state"], said["chunks"], said["job_id"]
        return said if known == ("ready", chunks, None) else None

    return dict(until(look, lambda: json.dumps(better(http, project_id))))


def until(look: Callable[[], Any], told: Callable[[], str] = lambda: "it did not happen") -> Any:
    """Return the first true answer."""
    deadline = time.monotonic() + SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, told()
        time.sleep(0.05)
    return found


def _ended(job: dict[str, Any]) -> dict[str, Any] | None:
    return job if job["status"] in ("completed", "failed", "cancelled") else None


class HeldEmbeddings(FakeTextEmbeddings):
    """Lets calls with the word `slowly` wait until `gate` is set; `has_come` says that one does."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.has_come = threading.Event()

    def record(self, headers: dict[str, str], body: bytes) -> Reply:
        """Keep a request and return the reply to it."""
        reply = super().record(headers, body)
        if "slowly" not in body.decode():
            return reply
        self.has_come.set()
        return replace(reply, until=self.gate)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold such calls until the block ends."""
        self.gate.clear()
        self.has_come.clear()
        try:
            yield
        finally:
            self.gate.set()

    def times(self, word: str) -> int:
        """Return how many texts with a word were sent."""
        return sum(word in text for text in self.texts)
