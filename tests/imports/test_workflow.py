"""Imports that are interrupted, cancelled and retried."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.imports.importing import documents, imported, send
from tests.imports.packing import packed
from tests.inprocess import InProcessServer, Tenant

from ragline import failpoints
from ragline.imports import taking, workflow
from ragline.ingestion.files import in_use
from ragline.jobs import service as jobs
from ragline.models import ImportFile, Job, now

TEXTS = {f"{number}.txt": f"Heron number {number} waits in the reeds." for number in range(5)}
LATER = (datetime.now(UTC) + timedelta(days=1)).isoformat()


@pytest.fixture(autouse=True)
def _small_batches(server: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the server take two documents at a time."""
    monkeypatch.setattr(server.runtime.settings, "import_batch", 2)


def delayed(tenant: Tenant, project: str) -> str:
    """Return an import whose steps the test runs itself."""
    answer = send(tenant, project, ("docs.zip", packed(TEXTS)), not_before=LATER)
    return str(answer.json()["job"]["id"])


def begin(server: InProcessServer, job_id: str) -> None:
    """Run the first two steps of an import."""
    with server.runtime.database.write() as session:
        session.get_one(Job, job_id).started_at = now()
    workflow.list_items(server.runtime, job_id, job_id)
    workflow.take_some(server.runtime, job_id, job_id)


@pytest.fixture
def held() -> Iterator[Callable[[str], None]]:
    """Make work stop at points until other ones are named."""
    yield lambda points: failpoints.arm(points, production=False)
    failpoints.arm(None, production=False)


def has_children(tenant: Tenant, job_id: str, count: int) -> None:
    """Wait until an import has so many documents."""
    deadline = time.monotonic() + 60
    while len(children(tenant, job_id)) < count:
        assert time.monotonic() < deadline


def until(tenant: Tenant, job_id: str, status: str) -> dict[str, Any]:
    """Return a job once it has this status."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        job = dict(tenant.http.get(f"/v1/jobs/{job_id}").json())
        if job["status"] == status:
            return job
        time.sleep(0.05)
    raise AssertionError(job)


def children(tenant: Tenant, job_id: str) -> list[dict[str, Any]]:
    """Return the jobs of an import's documents."""
    params = {"parent": job_id, "limit": 200}
    return list(tenant.http.get("/v1/jobs", params=params).json()["jobs"])


def test_batches_follow_one_another(tenant: Tenant) -> None:
    """An import of several batches takes each document once."""
    project = tenant.project()

    job = imported(tenant, project, ("docs.zip", packed(TEXTS)))

    assert {"completed": 5, "items": 5, "new": 5}.items() <= job["result"].items()
    assert set(TEXTS) == set(documents(tenant, project))
    assert 5 == len(children(tenant, job["id"]))


def test_step_that_runs_twice_takes_nothing_twice(server: InProcessServer, tenant: Tenant) -> None:
    """A batch that was kept is not kept again, whoever comes back with it."""
    project = tenant.project()
    job_id = delayed(tenant, project)
    begin(server, job_id)
    late = taking.Batch([], None, {"at": 0})

    taking.take(server.runtime, job_id, job_id, late)
    workflow.list_items(server.runtime, job_id, job_id)
    while workflow.take_some(server.runtime, job_id, job_id):
        pass

    assert not workflow.take_some(server.runtime, job_id, job_id)
    assert 5 == len(children(tenant, job_id)) == len(documents(tenant, project))
    tenant.http.post(f"/v1/jobs/{job_id}/cancel")


def test_late_attempt_changes_nothing(server: InProcessServer, tenant: Tenant) -> None:
    """Where another attempt took over, what this one still takes in is dropped whole."""
    project = tenant.project()
    job_id = delayed(tenant, project)
    workflow.list_items(server.runtime, job_id, job_id)

    with pytest.raises(jobs.Superseded):
        workflow.take_some(server.runtime, job_id, f"{job_id}-7")

    assert {} == documents(tenant, project)
    tenant.http.post(f"/v1/jobs/{job_id}/cancel")


def test_import_does_not_end_before_all_is_taken(server: InProcessServer, tenant: Tenant) -> None:
    """The end of the first children does not end an import that has more to take."""
    project = tenant.project()
    job_id = delayed(tenant, project)
    begin(server, job_id)

    for child in children(tenant, job_id):
        tenant.ended(child["id"])

    job = tenant.http.get(f"/v1/jobs/{job_id}").json()
    assert (None, {"done": 2, "total": 5, "unit": "documents"}) == (
        job["finished_at"],
        job["progress"],
    )
    tenant.http.post(f"/v1/jobs/{job_id}/cancel")


def test_cancelling_while_it_is_taken_in_cancels_the_children(
    tenant: Tenant, held: Callable[[str], None]
) -> None:
    """No further document comes of an import that was cancelled on its way."""
    project = tenant.project()
    held("import.kept=hold;ingest.begun=hold")
    job_id = send(tenant, project, ("docs.zip", packed(TEXTS))).json()["job"]["id"]
    has_children(tenant, job_id, 2)

    tenant.http.post(f"/v1/jobs/{job_id}/cancel").raise_for_status()
    held("")

    until(tenant, job_id, "cancelled")
    assert ["cancelled", "cancelled"] == [
        until(tenant, child["id"], "cancelled")["status"] for child in children(tenant, job_id)
    ]
    assert 2 == len(documents(tenant, project))


def test_retrying_goes_on_where_it_was_cancelled(server: InProcessServer, tenant: Tenant) -> None:
    """A cancelled import that is retried takes the rest, and its children end too."""
    project = tenant.project()
    job_id = delayed(tenant, project)
    begin(server, job_id)
    with server.runtime.database.write() as session:
        session.get_one(Job, job_id).not_before = None
    tenant.http.post(f"/v1/jobs/{job_id}/cancel")
    until(tenant, job_id, "cancelled")
    for child in children(tenant, job_id):
        tenant.ended(child["id"])

    tenant.http.post(f"/v1/jobs/{job_id}/retry").raise_for_status()

    job = tenant.ended(job_id)
    assert ("completed", 5) == (job["status"], job["result"]["completed"])
    assert {"completed": 5} == job["children"]
    assert set(TEXTS) == set(documents(tenant, project))


def test_failed_children_are_retried_with_their_import(tenant: Tenant) -> None:
    """Once all is taken, a retry of the import is one of its children."""
    project = tenant.project()
    job = imported(tenant, project, ("docs.zip", packed({"broken.pdf": b"%PDF-1.7\nnothing"})))
    assert "failed" == job["status"]

    tenant.http.post(f"/v1/jobs/{job['id']}/retry").raise_for_status()

    again = tenant.ended(job["id"])
    assert ("failed", 1, 1) == (again["status"], again["result"]["failed"], again["result"]["new"])
    assert [2] == [len(child["attempts"]) for child in children(tenant, job["id"])]


def test_cancelling_after_all_is_taken_cancels_the_children(
    tenant: Tenant, held: Callable[[str], None]
) -> None:
    """Once all is taken, an import is cancelled like any parent, and retried like one."""
    held("ingest.begun=hold")
    files = ("docs.zip", packed({"a.txt": "Herons.", "b.txt": "Otters."}))
    job_id = send(tenant, tenant.project(), files).json()["job"]["id"]
    has_children(tenant, job_id, 2)
    deadline = time.monotonic() + 60
    while "new" not in (tenant.http.get(f"/v1/jobs/{job_id}").json()["result"] or {}):
        assert time.monotonic() < deadline

    tenant.http.post(f"/v1/jobs/{job_id}/cancel").raise_for_status()
    held("")

    assert 2 == until(tenant, job_id, "cancelled")["result"]["cancelled"]
    tenant.http.post(f"/v1/jobs/{job_id}/retry").raise_for_status()
    assert {"completed": 2, "new": 2}.items() <= tenant.ended(job_id)["result"].items()


def test_files_stay_for_a_retry(server: InProcessServer, tenant: Tenant) -> None:
    """What an import still needs is not removed by its cancellation."""
    job_id = delayed(tenant, tenant.project())
    tenant.http.post(f"/v1/jobs/{job_id}/cancel")
    until(tenant, job_id, "cancelled")

    with server.runtime.database.read() as session:
        files = session.scalars(
            sa.select(ImportFile.content_hash).where(ImportFile.job_id == job_id)
        ).all()
        assert set(files) == in_use(session, files)
    assert all(server.runtime.blobs.exists(each) for each in files)


def test_scratch_folders_are_gone(server: InProcessServer, tenant: Tenant, tmp_path: Path) -> None:
    """What was unpacked on the way is removed."""
    imported(tenant, tenant.project(), ("docs.zip", packed(TEXTS)))

    assert [] == list((server.runtime.settings.data_dir / "importing").iterdir())
