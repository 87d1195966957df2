"""Deleting projects."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from tests.contract import count_rows, problem_of, stored_files
from tests.inprocess import InProcessServer, Tenant


def deleted(tenant: Tenant, project: str) -> dict[str, Any]:
    """Delete a project and return the job once it has ended."""
    answer = tenant.http.delete(f"/v1/projects/{project}")
    assert 202 == answer.status_code, answer.text
    return tenant.ended(answer.json()["job"]["id"])


def test_receipt(tenant: Tenant) -> None:
    """The job's result counts what was removed."""

    project = tenant.project()
    for number in range(3):
        tenant.ingest_text(project, f"Text {number} of a project that goes.")
    job = deleted(tenant, project)

    assert "completed" == job["status"]
    removed = job["result"]["removed"]
    assert (3, 3, 3, 3) == tuple(removed[k] for k in ("documents", "pages", "chunks", "vectors"))


def test_empty_project(tenant: Tenant) -> None:
    """A project without documents is deleted all the same."""

    job = deleted(tenant, tenant.project())

    assert {"documents": 0, "vectors": 0, "cached_answers": 0} == job["result"]["removed"]


def test_accepted(tenant: Tenant) -> None:
    """The answer says where the job is."""

    answer = tenant.http.delete(f"/v1/projects/{tenant.project()}")

    assert f"/v1/jobs/{answer.json()['job']['id']}" == answer.headers["location"]


def test_gone_at_once(tenant: Tenant) -> None:
    """A project is gone from the moment its deletion is accepted, and what it holds with it."""

    project = tenant.project()
    document = tenant.ingest_text(project, "Gone.")["id"]
    tenant.http.delete(f"/v1/projects/{project}")

    problem_of(tenant.http.get(f"/v1/projects/{project}"), 404, "not-found")
    problem_of(tenant.http.get(f"/v1/documents/{document}"), 404, "not-found")
    assert [] == tenant.http.get("/v1/projects").json()["projects"]


def test_name_is_free(tenant: Tenant) -> None:
    """The name of a deleted project may be used again at once."""

    tenant.http.delete(f"/v1/projects/{tenant.project('same')}")

    assert tenant.project("same")


def test_second_delete(tenant: Tenant) -> None:
    """A project is deleted once."""

    project = tenant.project()
    tenant.http.delete(f"/v1/projects/{project}")

    problem_of(tenant.http.delete(f"/v1/projects/{project}"), 404, "not-found")


def test_nothing_is_left(server: InProcessServer, tenant: Tenant) -> None:
    """Rows and files of a deleted project are removed."""

    project, text = tenant.project(), "Nothing of this stays."
    tenant.ingest_text(project, text)
    deleted(tenant, project)

    assert (0, 0) == tuple(count_rows(server, t, tenant.id) for t in ("projects", "documents"))
    assert sha256(text.encode()).hexdigest() not in stored_files(server)


def test_neighbour_stays(tenant: Tenant) -> None:
    """Another project with the same content keeps it."""

    goes, stays = tenant.project("goes"), tenant.project("stays")
    tenant.ingest_text(goes, "The otter sleeps by the weir.")
    tenant.ingest_text(stays, "The otter sleeps by the weir.")
    deleted(tenant, goes)

    answer = tenant.http.post(f"/v1/projects/{stays}/search", json={"query": "otter"})
    assert 1 == len(answer.json()["hits"])


def test_while_ingesting(tenant: Tenant) -> None:
    """A project is deleted though its documents are still being read; nothing hangs."""

    project = tenant.project()
    jobs = [
        tenant.add_text(project, f"Text number {n}. " * 20).json()["job"]["id"] for n in range(3)
    ]
    job = deleted(tenant, project)

    assert "completed" == job["status"]
    assert {"completed", "failed"} >= {tenant.ended(each)["status"] for each in jobs}
