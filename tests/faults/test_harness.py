"""The checks find what they are for: without a safeguard the same fault violates them."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.faults import checks
from tests.faults.cluster import Cluster, embedded, scaled
from tests.faults.state import read_rows, read_stores

BROKEN = Path(__file__).with_name("broken.py")
WAIT_SECONDS = 120
pytestmark = [pytest.mark.timeout(600), pytest.mark.faults]
TEXT = "The copper lantern stands in the harbour of the valley. " * 20


@pytest.mark.parametrize("without", [None, "fence"])
def test_late_attempt_does_not_publish(tmp_path: Path, without: str | None) -> None:
    """A job that was cancelled while it was about to publish does not complete."""
    late = "ingest.indexed=sleep:3;ingest.published=stop"
    with _broken(embedded(tmp_path, failpoints=late), without) as cluster:
        project, server = _project(cluster), cluster.servers[0]
        # The undoing waits, so that the attempt is late and nothing of it is gone yet.
        _post(cluster, "/v1/admin/queues/default/pause")
        _until(lambda: "default" in _registered_as_paused(cluster))
        job = _post(cluster, f"/v1/projects/{project}/documents", json={"text": TEXT})["job"]["id"]
        _until(lambda: "failpoint ingest.indexed" in server.log_path.read_text())
        _post(cluster, f"/v1/jobs/{job}/cancel")
        _until(lambda: psutil.Process(server.pid).status() == psutil.STATUS_STOPPED)
        server.send(signal.SIGCONT)
        _post(cluster, "/v1/admin/queues/default/resume")
        _until(lambda: cluster.open_jobs() == 0)

        assert (without is not None) == any(
            "was cancelled" in each for each in _violations(cluster)
        )


@pytest.mark.parametrize("without", [None, "common transaction"])
def test_accepted_job_is_in_its_queue(tmp_path: Path, without: str | None) -> None:
    """A job that was accepted a moment before the process died is run by the next one."""
    with _broken(embedded(tmp_path, failpoints="accept.committed=kill"), without) as cluster:
        project, server = _project(cluster), cluster.servers[0]
        with pytest.raises(Exception, match=r"disconnected|reset|closed"):
            _post(cluster, f"/v1/projects/{project}/documents", json={"text": TEXT})
        server.kill()
        _start_unharmed(cluster)
        _until(lambda: cluster.open_jobs() == 0, most=15, must=False)

        assert (without is not None) == any(
            "has not ended" in each for each in _violations(cluster)
        )


@pytest.mark.parametrize("without", ["nothing", "flush"])
def test_published_version_survives_loss_of_power(tmp_path: Path, without: str) -> None:
    """What was published a moment before is in the index as the disk surely holds it."""
    with _broken(embedded(tmp_path, failpoints="ingest.published=kill"), without) as cluster:
        project, server = _project(cluster), cluster.servers[0]
        _post(cluster, f"/v1/projects/{project}/documents", json={"text": TEXT})
        _until(lambda: server.has_ended)
        server.kill()
        index = server.data_dir / "index"
        shutil.rmtree(index)
        if (durable := index.with_name("index.durable")).exists():
            durable.rename(index)

        assert (without != "nothing") == any("lacks" in each for each in _violations(cluster))


@pytest.mark.parametrize("without", [None, "chunk ids"])
def test_passages_written_twice_are_the_same(tmp_path: Path, without: str | None) -> None:
    """A worker that was taken for dead writes its passages again, under the same ids."""
    made = scaled(tmp_path, servers=1, workers=2, failpoints="ingest.split=stop")
    with _broken(made, without) as cluster:
        first, second = cluster.workers
        second.stop()
        second.settings["failpoints"] = "ingest.indexed=sleep:12"
        project = _project(cluster)
        _post(cluster, f"/v1/projects/{project}/documents", json={"text": TEXT})
        _until(lambda: psutil.Process(first.pid).status() == psutil.STATUS_STOPPED)
        second.start()
        _until(lambda: "failpoint ingest.indexed" in second.log_path.read_text())
        # The other one has indexed its passages; now the late one writes its own.
        first.send(signal.SIGCONT)
        _until(lambda: cluster.open_jobs() == 0)
        _until(lambda: not cluster.held_by_any())

        found = [each for each in _violations(cluster) if "index" in each]
        assert (without is not None) == bool(found)


@contextmanager
def _broken(made: Any, without: str | None) -> Iterator[Cluster]:
    """Give a cluster, its processes started anew without one safeguard."""
    with made as cluster:
        if without is not None:
            for process in cluster.processes:
                process.stop()
                process.program = [sys.executable, BROKEN, without]
                cluster.begin(process)
                process.wait_until_ready()
        yield cluster


def _start_unharmed(cluster: Cluster) -> None:
    for process in cluster.processes:
        process.settings.pop("failpoints", None)
        cluster.begin(process)
        process.wait_until_ready()


def _violations(cluster: Cluster) -> list[str]:
    state = read_rows(cluster)
    cluster.stop()
    read_stores(cluster, state)
    return [violation for check in checks.ON_STATE for violation in check(state)]


def _project(cluster: Cluster) -> str:
    return str(_post(cluster, "/v1/projects", json={"name": "library"})["id"])


def _post(cluster: Cluster, path: str, **body: Any) -> Any:
    with cluster.http(cluster.servers[0]) as http:
        return http.post(path, **body).raise_for_status().json()


def _registered_as_paused(cluster: Cluster) -> set[str]:
    query = "SELECT name FROM queues WHERE worker_concurrency = 0"
    return {row[0] for row in cluster.rows(query)}


def _until(done: Callable[[], bool], *, most: float = WAIT_SECONDS, must: bool = True) -> None:
    deadline = time.monotonic() + most
    while not done():
        if time.monotonic() > deadline:
            assert not must, "it did not come to that in time"
            return
        time.sleep(0.05)
