"""Jobs over HTTP."""

from __future__ import annotations

import time
from typing import Any

import pytest
import sqlalchemy as sa
from tests.contract import ODD_IDS, problem_of
from tests.inprocess import InProcessServer, Tenant

from ragline.models import Event

TERMINAL = {"job.completed", "job.failed", "job.cancelled"}


def made(tenant: Tenant, text: str = "Some words.", name: str = "library") -> dict[str, Any]:
    """Send a text to a new project and return its ended job."""
    return tenant.ended(tenant.add_text(tenant.project(name), text).json()["job"]["id"])


def failed(tenant: Tenant, name: str = "broken") -> dict[str, Any]:
    """Upload a broken file to a new project and return its failed job."""
    answer = tenant.upload(tenant.project(name), ("a.pdf", b"%PDF-1.7\nnothing"))
    return tenant.ended(answer.json()["job"]["id"])


def test_fields(tenant: Tenant) -> None:
    """A job shows what the contract names."""

    promised = (
        "id kind status waiting_for progress queue_position eta_seconds attempts error warnings "
        "cost created_at started_at finished_at result"
    )
    assert set(promised.split()) <= made(tenant).keys()


def test_completed(tenant: Tenant) -> None:
    """A completed job has its result, its times in order, and one attempt that ended well."""

    job = made(tenant)

    assert ("completed", None, None) == (job["status"], job["error"], job["queue_position"])
    assert (1, 1) == (job["result"]["pages"], job["result"]["chunks"])
    assert job["created_at"] <= job["started_at"] <= job["finished_at"]
    assert [(1, None)] == [(each["number"], each["error"]) for each in job["attempts"]]


def test_failed(tenant: Tenant) -> None:
    """A failed job has a problem that says what to do, on the job and on its attempt."""

    job = failed(tenant)

    assert "/problems/unreadable-file" == job["error"]["type"]
    assert [job["error"]] == [attempt["error"] for attempt in job["attempts"]]


@pytest.mark.parametrize("odd", ODD_IDS.values(), ids=ODD_IDS)
@pytest.mark.parametrize("path", ["/v1/jobs/{}", "/v1/jobs/{}?wait=1", "/v1/jobs?after={}"])
def test_odd_ids(tenant: Tenant, path: str, odd: str) -> None:
    """An id of whatever form that names nothing is not found, without waiting."""

    problem_of(tenant.http.get(path.format(odd)), 404, "not-found")


def test_of_another_tenant(server: InProcessServer, tenant: Tenant) -> None:
    """Another tenant's job is the same answer as one that does not exist."""

    job, unknown = made(tenant)["id"], "00000000-0000-4000-8000-000000000000"
    with server.tenant() as other:
        theirs = other.http.get(f"/v1/jobs/{job}")
        none = other.http.get(f"/v1/jobs/{unknown}")

    problem_of(theirs, 404, "not-found")
    assert none.text == theirs.text.replace(job, unknown)


@pytest.mark.parametrize("column", ["project", "parent"])
def test_filter_by_anothers_id(server: InProcessServer, tenant: Tenant, column: str) -> None:
    """Another tenant's project or parent leads to no job."""

    job = made(tenant)
    with server.tenant() as other:
        answer = other.http.get("/v1/jobs", params={column: job["project_id"]})

    assert [] == answer.json()["jobs"]


@pytest.mark.parametrize("wait", ["-1", "61", "x", "NaN", "inf", "1e400", ""])
def test_wait_out_of_range(tenant: Tenant, wait: str) -> None:
    """A wait that is no number of seconds up to a minute is refused."""

    answer = tenant.http.get("/v1/jobs/x", params={"wait": wait})

    assert "wait" == problem_of(answer, 422, "invalid-input")["errors"][0]["field"]


def test_wait_ends_with_the_job(tenant: Tenant) -> None:
    """Waiting on an ended job is answered at once."""

    job, started = made(tenant)["id"], time.monotonic()
    tenant.http.get(f"/v1/jobs/{job}", params={"wait": 60})

    assert time.monotonic() - started < 30


@pytest.mark.parametrize("status", ["", "done", "COMPLETED", "%00", "%ff"])
def test_unknown_status(tenant: Tenant, status: str) -> None:
    """A status that is not known is refused."""

    problem_of(tenant.http.get(f"/v1/jobs?status={status}"), 422, "invalid-input")


def test_filters(tenant: Tenant) -> None:
    """Jobs are filtered by status, kind and project, alone or together."""

    good, bad = made(tenant), failed(tenant)

    def found(**wanted: str) -> list[str]:
        return [job["id"] for job in tenant.http.get("/v1/jobs", params=wanted).json()["jobs"]]

    assert [good["id"]] == found(status="completed")
    assert [bad["id"]] == found(status="failed")
    assert [bad["id"], good["id"]] == found(kind="ingest")
    assert [good["id"]] == found(project=good["project_id"])
    assert [] == found(project=good["project_id"], status="failed")
    assert [] == found(kind="delete")


def test_children(tenant: Tenant) -> None:
    """The jobs of an upload of several files are found by their parent."""

    answer = tenant.upload(tenant.project(), ("a.txt", b"One."), ("b.txt", b"Two."))
    parent = tenant.ended(answer.json()["job"]["id"])
    children = tenant.http.get("/v1/jobs", params={"parent": parent["id"]}).json()["jobs"]

    assert [parent["id"]] * 2 == [child["parent_id"] for child in children]
    assert {"completed": 2} == parent["children"]


def test_paging(tenant: Tenant) -> None:
    """Jobs are handed out newest first, in parts, without gaps or repeats."""

    project = tenant.project()
    ids = [tenant.add_text(project, f"Text {n}.").json()["job"]["id"] for n in range(5)]
    seen: list[str] = []
    more = True
    while more:
        after = {"after": seen[-1]} if seen else {}
        part = tenant.http.get("/v1/jobs", params={"limit": 2, **after}).json()
        seen += [job["id"] for job in part["jobs"]]
        more = part["has_more"]

    assert ids[::-1] == seen


@pytest.mark.parametrize("end", [made, failed])
def test_events(server: InProcessServer, tenant: Tenant, end: Any) -> None:
    """A job's events are numbered from 1 without gaps; the last one, and no other, ends it."""

    job = end(tenant)["id"]
    with server.runtime.database.read() as session:
        query = sa.select(Event).where(Event.job_id == job).order_by(Event.cursor)
        events = list(session.scalars(query))

    assert list(range(1, len(events) + 1)) == [event.number for event in events]
    assert [len(events)] == [event.number for event in events if event.type in TERMINAL]
    assert ["job.queued", "job.started"] == [event.type for event in events[:2]]


def test_events_of_a_parent(server: InProcessServer, tenant: Tenant) -> None:
    """A parent's events, written by its children, are numbered and ended likewise."""

    files = [(f"{n}.txt", f"Text {n}.".encode()) for n in range(6)]
    answer = tenant.upload(tenant.project(), *files)
    parent = tenant.ended(answer.json()["job"]["id"])["id"]
    with server.runtime.database.read() as session:
        query = sa.select(Event).where(Event.job_id == parent).order_by(Event.cursor)
        events = list(session.scalars(query))

    assert list(range(1, len(events) + 1)) == [event.number for event in events]
    assert [len(events)] == [event.number for event in events if event.type in TERMINAL]
