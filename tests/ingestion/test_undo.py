"""Undoing an attempt takes away what it built, and nothing else."""

from __future__ import annotations

from typing import Any

from tests.inprocess import InProcessServer, Tenant

from ragline.errors import UnreadableFile
from ragline.ingestion.undo import abandon, remove
from ragline.models import Document, Job


def _published(tenant: Tenant) -> tuple[str, dict[str, Any], str]:
    project = tenant.project()
    accepted = tenant.add_text(project, "The mill was rebuilt in granite in 1611.").json()
    job = tenant.ended(accepted["job"]["id"])
    return project, accepted["documents"][0], job["id"]


def test_ended_job_keeps_what_it_published(server: InProcessServer, tenant: Tenant) -> None:
    """A late undo of a completed job, by a replay or the time limit, changes nothing."""
    project, document, job_id = _published(tenant)

    abandon(server.runtime, job_id, UnreadableFile("too late"), job_id)

    hits = tenant.http.post(f"/v1/projects/{project}/search", json={"query": "mill"}).json()["hits"]
    assert [document["id"]] == [hit["document_id"] for hit in hits]
    assert "completed" == tenant.http.get(f"/v1/jobs/{job_id}").json()["status"]


def test_failing_twice_changes_nothing(server: InProcessServer, tenant: Tenant) -> None:
    """The second end of a failed job leaves its reason as it is."""
    _, _, job_id = _published(tenant)
    with server.runtime.database.write() as session:
        session.get_one(Job, job_id).outcome = None

    abandon(server.runtime, job_id, UnreadableFile("first"), job_id)
    abandon(server.runtime, job_id, UnreadableFile("second"), job_id)

    assert "first" == tenant.http.get(f"/v1/jobs/{job_id}").json()["error"]["detail"]


def test_removing_an_unpublished_version(server: InProcessServer, tenant: Tenant) -> None:
    """What a cancelled attempt built goes, with a receipt; a second time there is nothing."""
    _, document, job_id = _published(tenant)
    with server.runtime.database.write() as session:
        session.get_one(Document, document["id"]).published_version = None
        job = session.get_one(Job, job_id)

    assert {"chunks": 1, "vectors": 1} == remove(server.runtime, job)
    assert {"chunks": 0, "vectors": 0} == remove(server.runtime, job)
