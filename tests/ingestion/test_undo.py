"""Undoing an attempt takes away what it built, and nothing else."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from tests.inprocess import InProcessServer, Tenant

from ragline.errors import UnreadableFile
from ragline.ingestion.undo import abandon
from ragline.models import Chunk, Job


def _published(tenant: Tenant) -> tuple[str, dict[str, Any], str]:
    project = tenant.project()
    accepted = tenant.add_text(project, "The mill was rebuilt in granite in 1611.").json()
    job = tenant.ended(accepted["job"]["id"])
    return project, accepted["documents"][0], job["id"]


def test_ended_job_keeps_what_it_published(server: InProcessServer, tenant: Tenant) -> None:
    """A late undo of a completed job, by a replay or the time limit, changes nothing."""
    project, document, job_id = _published(tenant)

    abandon(server.runtime, job_id, UnreadableFile("too late"))

    hits = tenant.http.post(f"/v1/projects/{project}/search", json={"query": "mill"}).json()["hits"]
    assert [document["id"]] == [hit["document_id"] for hit in hits]
    assert "completed" == tenant.http.get(f"/v1/jobs/{job_id}").json()["status"]


def test_undoing_twice_changes_nothing(server: InProcessServer, tenant: Tenant) -> None:
    """The second undo of a failed job finds it failed and leaves its reason as it is."""
    _, document, job_id = _published(tenant)
    with server.runtime.database.write() as session:
        session.get_one(Job, job_id).outcome = None

    abandon(server.runtime, job_id, UnreadableFile("first"))
    abandon(server.runtime, job_id, UnreadableFile("second"))

    with server.runtime.database.read() as session:
        assert 0 == session.scalar(
            sa.select(sa.func.count()).where(Chunk.document_id == document["id"])
        )
    assert "first" == tenant.http.get(f"/v1/jobs/{job_id}").json()["error"]["detail"]
