"""Imports whose server dies."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx2
import pytest
from tests.imports.packing import packed
from tests.servers import RunningServer

TEXTS = {f"{number}.txt": f"Heron number {number} waits in the reeds." for number in range(6)}
SECONDS = 90


def client(server: RunningServer) -> httpx2.Client:
    """Return a client that bears the server's first key."""
    return httpx2.Client(
        base_url=server.url,
        headers={"Authorization": f"Bearer {server.api_key}"},
        timeout=SECONDS,
        verify=False,
    )


@pytest.mark.parametrize("point", ["import.stored=kill:1", "import.kept=kill:1"])
def test_import_goes_on_with_the_batch_it_was_at(tmp_path: Path, point: str) -> None:
    """A server that is killed in the second batch takes the rest, and nothing twice."""
    with RunningServer(tmp_path, failpoints=point, import_batch=2) as server:
        with client(server) as http:
            project = http.post("/v1/projects", json={"name": "library"}).json()["id"]
            answer = http.post(
                f"/v1/projects/{project}/imports", files=[("file", ("a.zip", packed(TEXTS)))]
            )
            job_id = answer.json()["job"]["id"]
        deadline = time.monotonic() + SECONDS
        while f"failpoint {point.partition('=')[0]}" not in server.log_path.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
    with RunningServer(tmp_path, import_batch=2) as server, client(server) as http:
        deadline = time.monotonic() + SECONDS
        job = http.get(f"/v1/jobs/{job_id}", params={"wait": 20}).json()
        while job["status"] != "completed":
            assert time.monotonic() < deadline, json.dumps(job)
            job = http.get(f"/v1/jobs/{job_id}", params={"wait": 20}).json()
        children = http.get("/v1/jobs", params={"parent": job_id}).json()["jobs"]
        found = http.get(f"/v1/projects/{project}/documents").json()["documents"]

    assert {"completed": 6, "items": 6, "new": 6}.items() <= job["result"].items()
    assert (6, set(TEXTS)) == (len(children), {each["external_id"] for each in found})
    assert 6 == len(found)
