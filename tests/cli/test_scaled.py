"""Several processes over one PostgreSQL, as people start them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import psutil
import pytest
from tests.postgres import Postgres
from tests.servers import RunningServer, RunningWorker
from tests.webhooks.receiver import receiving

KEY = "rl_scaled"
SECONDS = 90


class Cluster:
    """Two HTTP processes on one address and a worker; a client that bears the first key."""

    def __init__(self, server: RunningServer, worker: RunningWorker, http: httpx2.Client) -> None:
        self.server, self.worker, self.http = server, worker, http

    def project(self, name: str) -> str:
        """Make a project and return its id."""
        return str(self.http.post("/v1/projects", json={"name": name}).json()["id"])

    def ended(self, job_id: str) -> dict[str, Any]:
        """Return a job once it has ended."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            job = self.http.get(f"/v1/jobs/{job_id}", params={"wait": 10}).json()
            if job["status"] in ("completed", "failed", "cancelled"):
                return dict(job)
        raise AssertionError(f"the job did not end: {job}")


@pytest.fixture(scope="module")
def settings(postgres: Postgres) -> dict[str, object]:
    """Settings that all processes share."""
    return {
        "database_url": postgres.new_database(),
        "api_key": KEY,
        "webhook_private_addresses": "true",
    }


@pytest.fixture(scope="module")
def cluster(
    tmp_path_factory: pytest.TempPathFactory, settings: dict[str, object]
) -> Iterator[Cluster]:
    """A cluster for the tests of this module."""
    data_dir = tmp_path_factory.mktemp("cluster") / "data"
    with (
        RunningServer(data_dir, "--workers", "2", **settings) as server,
        RunningWorker(data_dir, **settings) as worker,
        httpx2.Client(
            base_url=server.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=90
        ) as http,
    ):
        yield Cluster(server, worker, http)


def test_a_document_becomes_searchable(cluster: Cluster) -> None:
    """What one process accepted another one ingests, and any of them finds."""
    project = cluster.project("library")
    text = {"text": "The mill was rebuilt in granite in 1611."}
    job = cluster.http.post(f"/v1/projects/{project}/documents", json=text).json()["job"]

    assert "completed" == cluster.ended(job["id"])["status"]
    hits = cluster.http.post(f"/v1/projects/{project}/search", json={"query": "granite mill"})
    assert ["The mill was rebuilt in granite in 1611."] == [
        hit["text"] for hit in hits.json()["hits"]
    ]


def test_a_question_is_answered_as_a_job(cluster: Cluster) -> None:
    """A question that was accepted here is answered there."""
    project = cluster.project("questions")
    text = {"text": "The mill was rebuilt in granite in 1611."}
    accepted = cluster.http.post(f"/v1/projects/{project}/documents", json=text).json()
    cluster.ended(accepted["job"]["id"])
    asked = cluster.http.post(
        f"/v1/projects/{project}/chat",
        json={"question": "When was the mill rebuilt?"},
        headers={"Prefer": "respond-async"},
    )

    assert 202 == asked.status_code
    assert "1611" in cluster.ended(asked.json()["job"]["id"])["result"]["answer"]


def test_a_webhook_tells_of_a_job(cluster: Cluster) -> None:
    """The end of a job reaches a service that subscribed to it."""
    project = cluster.project("told")
    with receiving() as receiver:
        subscription = {"url": receiver.url, "project_id": project}
        assert 201 == cluster.http.post("/v1/webhooks", json=subscription).status_code
        accepted = cluster.http.post(f"/v1/projects/{project}/documents", json={"text": "Words."})
        assert receiver.arrived.acquire(timeout=SECONDS)
        body = receiver.received[0].body

    assert "job.completed" in body
    assert accepted.json()["job"]["id"] in body


def test_a_dead_http_process_is_replaced(cluster: Cluster) -> None:
    """The address goes on answering when one of its processes is killed."""
    first = {child.pid for child in psutil.Process(cluster.server.pid).children()}
    os.kill(min(first), signal.SIGKILL)
    deadline = time.monotonic() + SECONDS
    while len({c.pid for c in psutil.Process(cluster.server.pid).children()} - first) < 1:
        assert time.monotonic() < deadline, "no process took its place"
        time.sleep(0.1)

    assert 200 == cluster.http.get("/livez").status_code


def test_a_worker_drains(cluster: Cluster, settings: dict[str, object]) -> None:
    """At SIGTERM a worker lets go of its work, which another one does; both ends are in order."""
    project = cluster.project("drained")
    texts = [
        cluster.http.post(f"/v1/projects/{project}/documents", json={"text": f"Text {n}."}).json()
        for n in range(20)
    ]
    second = RunningWorker(cluster.worker.data_dir, name="second", **settings)
    second.start()
    codes = [cluster.worker.stop(), None]
    ends = {cluster.ended(text["job"]["id"])["status"] for text in texts}
    cluster.worker.start()
    codes[1] = second.stop()

    assert [0, 0] == codes
    assert {"completed"} == ends
