"""A disk that is full, clocks that disagree, children without memory: what happens, and after."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.faults.cluster import Cluster, embedded, scaled

WAIT_SECONDS = 120
TEXT = "The silver pebble lies in the orchard near the river. " * 20
DISK_MB = 256
pytestmark = [pytest.mark.timeout(600), pytest.mark.faults]


def test_full_disk_refuses_uploads_and_serves_on(tmp_path: Path) -> None:
    """With no room left uploads get 507 and reads go on; with room again all goes on."""
    with _small_disk(tmp_path / "disk") as disk, embedded(disk) as cluster:
        project = _project(cluster)
        first = _accepted(cluster, project, TEXT)
        _until(lambda: _status(cluster, first) == "completed")
        ballast = disk / "ballast"
        _fill(ballast)
        with cluster.http(cluster.servers[0]) as http:
            refused = http.post(f"/v1/projects/{project}/documents", files=_large("full"))
            found = http.post(f"/v1/projects/{project}/search", json={"query": "pebble"})
            health = http.get("/livez")
        ballast.unlink()
        second = _accepted(cluster, project, TEXT + "Again.")
        _until(lambda: _status(cluster, second) == "completed")

        assert 507 == refused.status_code, refused.text
        assert [200, 200] == [found.status_code, health.status_code]
        assert [] != found.json()["hits"]


@pytest.mark.parametrize("skew", ["+120s", "-120s"])
def test_wrong_clock_takes_no_work_from_the_living(tmp_path: Path, skew: str) -> None:
    """A worker whose clock is two minutes off neither takes others for dead nor looks dead."""
    library = _libfaketime()
    with scaled(tmp_path, servers=1, workers=2, failpoints="ingest.split=sleep:5") as cluster:
        skewed = cluster.workers[1]
        skewed.stop()
        skewed.environment_too = {
            "LD_PRELOAD": library,
            "FAKETIME": skew,
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        cluster.begin(skewed)
        skewed.wait_until_ready()
        project = _project(cluster)
        jobs = [_accepted(cluster, project, f"{TEXT} {number}") for number in range(8)]
        _until(lambda: cluster.open_jobs() == 0)
        query = "SELECT count(*) FROM events WHERE type = 'job.recovered'"

        assert {"completed"} == {_status(cluster, job) for job in jobs}
        assert 0 == cluster.rows(query)[0][0]


def test_child_without_memory_costs_only_its_file(tmp_path: Path, test_data: Path) -> None:
    """Files that need more memory than a child has end with a reason; others are not touched."""
    bombs = sorted((test_data / "pdfs" / "bomb").glob("*.pdf"))
    with embedded(tmp_path, parse_memory_mb=256, parse_wall_seconds=20) as cluster:
        project = _project(cluster)
        with cluster.http(cluster.servers[0]) as http:
            for path in bombs:
                files = [("file", (path.name, path.read_bytes()))]
                answer = http.post(f"/v1/projects/{project}/documents", files=files)
                assert answer.status_code in (202, 413, 422), answer.text
        good = _accepted(cluster, project, TEXT)
        _until(lambda: cluster.open_jobs() == 0)

        assert "completed" == _status(cluster, good)
        assert cluster.servers[0].is_ready


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    """Give a file system of its own, as small as one can fill in a moment."""
    folder.mkdir()
    size = f"size={DISK_MB}m"
    mount = ["mount", "-t", "tmpfs", "-o", size, "ragline", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("a small file system cannot be mounted here: that takes root's rights")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(ballast: Path) -> None:
    """Write until there is no room."""
    with ballast.open("wb") as target:
        try:
            while True:
                target.write(b"\0" * 65536)
                target.flush()
        except OSError:
            return


def _libfaketime() -> str:
    found = importlib.util.find_spec("libfaketime")
    if found is None or found.origin is None:
        pytest.skip("the package libfaketime is not installed")
    libraries = sorted(Path(found.origin).parent.rglob("libfaketime.so*"))
    return str(libraries[0])


def _large(name: str) -> list[tuple[str, tuple[str, bytes]]]:
    return [("file", (f"{name}.txt", (TEXT * 4000).encode()))]


def _project(cluster: Cluster) -> str:
    with cluster.http(cluster.servers[0]) as http:
        answer: Any = http.post("/v1/projects", json={"name": "library"}).raise_for_status()
        return str(answer.json()["id"])


def _accepted(cluster: Cluster, project: str, text: str) -> str:
    """Send a text until it is accepted, and return its job."""
    deadline = time.monotonic() + WAIT_SECONDS
    with cluster.http(cluster.servers[0]) as http:
        while time.monotonic() < deadline:
            answer: httpx2.Response = http.post(
                f"/v1/projects/{project}/documents", json={"text": text}
            )
            if answer.status_code == 202:
                return str(answer.json()["job"]["id"])
            time.sleep(0.2)
    raise AssertionError(answer.text)


def _status(cluster: Cluster, job: str) -> str:
    with cluster.http(cluster.servers[0]) as http:
        return str(http.get(f"/v1/jobs/{job}").raise_for_status().json()["status"])


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not done():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.1)
