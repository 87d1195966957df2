"""Clean-ups over HTTP, on a running server."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.contract import problem_of
from tests.inprocess import WAIT_SECONDS, InProcessServer, Tenant

URL = "/v1/admin/cleanup"


@pytest.fixture
def operator(server: InProcessServer) -> Iterator[httpx2.Client]:
    """A client with the first operator's key."""
    key = server.runtime.settings.key_file.read_text().strip()
    with server.client(key) as http:
        yield http


def ended(http: httpx2.Client, job_id: str) -> dict[str, Any]:
    """Return a job once it has ended."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        job: dict[str, Any] = http.get(f"/v1/jobs/{job_id}", params={"wait": 10}).json()
        if job["status"] in ("completed", "failed", "cancelled"):
            return job
    raise AssertionError(job)


def stray_file(server: InProcessServer, content: bytes) -> str:
    """Leave a stored file of yesterday without a document, and return its hash."""
    blob = server.runtime.blobs.store(io.BytesIO(content))
    path = next(server.runtime.settings.files_dir.rglob(blob.content_hash))
    yesterday = time.time() - 86400
    os.utime(path, (yesterday, yesterday))
    return blob.content_hash


def test_cleanup_is_a_job(server: InProcessServer, operator: httpx2.Client) -> None:
    """It is accepted as a job that its operator sees, and ends with a receipt."""

    stray = stray_file(server, b"left by a crash")
    accepted = operator.post(URL)
    job = ended(operator, accepted.json()["job"]["id"])

    assert 202 == accepted.status_code
    assert f"/v1/jobs/{job['id']}" == accepted.headers["location"]
    assert ("completed", "maintenance") == (job["status"], job["kind"]), job
    assert {"done": 5, "total": 5, "unit": "steps"} == job["progress"]
    assert job["result"]["dry_run"] is False
    assert job["result"]["removed"]["files"] >= 1
    assert f"No document refers to the stored file {stray}." in job["result"]["differences"]
    assert not server.runtime.blobs.exists(stray)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_dry_run_changes_nothing(
    server: InProcessServer, operator: httpx2.Client, method: str
) -> None:
    """A dry run counts what is there and leaves it."""

    stray = stray_file(server, b"left by another crash")
    answer = operator.request(method, URL, params={"dry_run": True})

    assert 200 == answer.status_code
    assert answer.json()["dry_run"] is True
    assert answer.json()["removed"]["files"] >= 1
    assert f"No document refers to the stored file {stray}." in answer.json()["differences"]
    assert server.runtime.blobs.exists(stray)


def test_second_cleanup_removes_nothing(server: InProcessServer, operator: httpx2.Client) -> None:
    """What a first clean-up removed a second one does not find."""

    stray_file(server, b"left by a third crash")
    for _ in range(2):
        job = ended(operator, operator.post(URL).json()["job"]["id"])

    assert {} == job["result"]["removed"]


def test_documents_survive(
    server: InProcessServer, tenant: Tenant, operator: httpx2.Client
) -> None:
    """A published document is searchable after a clean-up as it was before."""

    project = tenant.project()
    document = tenant.ingest_text(project, "The lighthouse keeper counts the ships at night.")
    ended(operator, operator.post(URL).json()["job"]["id"])
    hits = tenant.http.post(
        f"/v1/projects/{project}/search", json={"query": "lighthouse keeper"}
    ).json()["hits"]

    assert [document["id"]] == [hit["document_id"] for hit in hits]


def test_one_cleanup_at_a_time(server: InProcessServer, operator: httpx2.Client) -> None:
    """While one is open, its job is the answer to the next request."""

    first, second = (operator.post(URL).json()["job"] for _ in range(2))
    ended(operator, second["id"])

    # The first may have ended before the second was sent; then there are two.
    assert (
        first["id"] == second["id"]
        or ended(operator, first["id"])["finished_at"] <= second["created_at"]
    )


def test_reading_never_cleans_up(operator: httpx2.Client) -> None:
    """GET without a dry run is refused."""

    answer = operator.get(URL, params={"dry_run": False})

    assert "POST" in problem_of(answer, 422, "invalid-input")["detail"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_owners_may_not(tenant: Tenant, method: str) -> None:
    """Cleaning up concerns all tenants, so it takes an operator."""

    problem_of(tenant.http.request(method, URL), 403, "forbidden")
