"""What senders wish for their jobs: an order, a time, and words to find them by."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from tests.contract import problem_of
from tests.inprocess import InProcessServer, Tenant
from tests.jobs.acting import act, at_rest, end, queued, queued_many, shown, until

from ragline.engine.rows import workflows
from ragline.models import now

BACKLOG = 300
LAST_LOOK_SECONDS = 1.5


@pytest.fixture(scope="module")
def still(request: pytest.FixtureRequest) -> Iterator[InProcessServer]:
    """A server without a worker."""
    with at_rest(request) as running:
        yield running


@pytest.fixture
def quiet_tenant(still: InProcessServer) -> Iterator[Tenant]:
    """A tenant of the server without a worker."""
    with still.tenant() as fresh:
        yield fresh


@contextmanager
def paused(server: InProcessServer, queue: str) -> Iterator[None]:
    """Let no work begin within a block."""
    key = server.runtime.settings.key_file.read_text().strip()
    with server.client(key) as http:
        set_paused(server, http, queue, "pause")
        try:
            yield
        finally:
            set_paused(server, http, queue, "resume")


def set_paused(server: InProcessServer, http: httpx2.Client, queue: str, verb: str) -> None:
    """Pause or resume a queue and wait until the worker heeds it."""
    assert 200 == http.post(f"/v1/admin/queues/{queue}/{verb}").status_code
    query = sa.text("SELECT worker_concurrency FROM queues WHERE name = :name")

    def heeded() -> bool:
        with server.runtime.database.read() as session:
            places = session.execute(query, {"name": queue}).scalar_one()
        return bool(places == 0) == (verb == "pause")

    until(heeded)
    # The engine's thread reads a queue's settings, waits for the interval and only then looks:
    # one more look under the old settings may follow.
    time.sleep(LAST_LOOK_SECONDS)


def began(server: InProcessServer, jobs: list[str]) -> list[int]:
    """Return when the engine took up each job, in ms."""
    query = sa.select(workflows.c.workflow_uuid, workflows.c.started_at_epoch_ms)
    with server.runtime.database.read() as session:
        found = dict(session.execute(query.where(workflows.c.workflow_uuid.in_(jobs))).all())
    return [int(found[job]) for job in jobs]


def found(tenant: Tenant, **wanted: Any) -> list[str]:
    """Return the ids of the jobs that a listing gives."""
    return [job["id"] for job in tenant.http.get("/v1/jobs", params=wanted).json()["jobs"]]


def test_priority(server: InProcessServer, tenant: Tenant) -> None:
    """Of a tenant's jobs those with the lowest number begin first, whenever they came."""
    project = tenant.project()
    with paused(server, "ingest"):
        _, late = queued_many(tenant, project, 20, priority="200")
        middle = queued(tenant, project, "Middle.")
        urgent = queued(tenant, project, "Urgent.", priority=1)
        places = [shown(tenant, job)["queue_position"] for job in (urgent, middle, late[0])]
    for job in (urgent, middle, *late):
        tenant.ended(job)

    assert [1, 2] == places[:2]
    assert 2 < places[2]
    first, second, *others = began(server, [urgent, middle, *late])
    assert first <= second <= min(others)
    assert first < max(others)


def test_not_before(server: InProcessServer, tenant: Tenant) -> None:
    """A job that is to begin later is pending until then, and then runs by itself."""
    project, moment = tenant.project(), now() + timedelta(seconds=2)
    accepted = tenant.add_text(project, "Later.", not_before=moment.isoformat()).json()
    job = accepted["job"]

    assert ("pending", "not_before", None) == (
        job["status"],
        job["waiting_for"],
        job["queue_position"],
    )
    assert "pending" == accepted["documents"][0]["status"]
    ended = tenant.ended(job["id"])
    assert "completed" == ended["status"]
    assert ended["started_at"] >= ended["not_before"]


def test_not_before_of_several(still: InProcessServer, quiet_tenant: Tenant) -> None:
    """A parent whose children are to begin later is pending, in listings too."""
    tenant = quiet_tenant
    moment = (now() + timedelta(hours=1)).isoformat()
    files = [("a.txt", b"One."), ("b.txt", b"Two.")]
    accepted = tenant.upload(tenant.project(), *files, not_before=moment).json()
    parent = shown(tenant, accepted["job"]["id"])

    for job in (accepted["job"], parent):
        assert ("pending", "not_before") == (job["status"], job["waiting_for"])
        assert {"pending": 2} == job["children"]
    assert {"pending"} == {document["status"] for document in accepted["documents"]}
    assert 3 == len(found(tenant, status="pending"))
    assert [] == found(tenant, status="queued")


def test_moment_that_is_over(still: InProcessServer, quiet_tenant: Tenant) -> None:
    """A moment that is over already delays nothing."""
    job = queued(quiet_tenant, quiet_tenant.project(), not_before="2001-01-01T00:00:00Z")

    assert "queued" == shown(quiet_tenant, job)["status"]


@pytest.mark.parametrize(
    "wish",
    [
        {"priority": 0},
        {"priority": 1001},
        {"priority": "first"},
        {"not_before": "2999-01-01T00:00:00"},
        {"not_before": "tomorrow"},
        {"tags": ["x" * 101]},
        {"tags": [" "]},
        {"tags": ["x"] * 21},
        {"tags": "x"},
    ],
    ids=str,
)
def test_wish_that_cannot_be(
    still: InProcessServer, quiet_tenant: Tenant, wish: dict[str, Any]
) -> None:
    """A wish that cannot be read is refused and names its field."""
    answer = quiet_tenant.add_text(quiet_tenant.project(), "Words.", **wish)

    (error,) = problem_of(answer, 422, "invalid-input")["errors"]
    assert error["field"].startswith(next(iter(wish)))


def test_tags(still: InProcessServer, quiet_tenant: Tenant) -> None:
    """Jobs are found by their tags, exactly; a tag is kept once."""
    tenant, project = quiet_tenant, quiet_tenant.project()
    both = queued(tenant, project, "One.", tags=["nightly", "b", "nightly"])
    one = queued(tenant, project, "Two.", tags=["nightly"])
    queued(tenant, project, "Three.")
    with still.tenant() as other:
        queued(other, other.project(), "Theirs.", tags=["nightly"])

    assert ["b", "nightly"] == shown(tenant, both)["tags"]
    assert [one, both] == found(tenant, tag="nightly")
    assert [both] == found(tenant, tag="b")
    assert [] == found(tenant, tag="night")


def test_tags_of_several_files(still: InProcessServer, quiet_tenant: Tenant) -> None:
    """The tags of a form are those of the parent and of each child."""
    project = quiet_tenant.project()
    parent, children = queued_many(quiet_tenant, project, 2, tags="t", priority="7")

    assert {parent, *children} == set(found(quiet_tenant, tag="t"))
    assert [7, 7, 7] == [shown(quiet_tenant, job)["priority"] for job in (parent, *children)]


def test_times(still: InProcessServer, quiet_tenant: Tenant) -> None:
    """Jobs are found by when they were made, the first moment included, the last one not."""
    tenant, project = quiet_tenant, quiet_tenant.project()
    jobs = [queued(tenant, project, f"Text {n}.") for n in range(3)]
    times = [shown(tenant, job)["created_at"] for job in jobs]

    assert jobs[1:][::-1] == found(tenant, created_after=times[1])
    assert jobs[:1] == found(tenant, created_before=times[1])
    assert jobs[1:2] == found(tenant, created_after=times[1], created_before=times[2])
    answer = tenant.http.get("/v1/jobs", params={"created_after": "2026-01-01T00:00:00"})
    problem_of(answer, 422, "invalid-input")


def test_position(still: InProcessServer, quiet_tenant: Tenant) -> None:
    """A job's place is that among its tenant's jobs in its queue, by priority and time."""
    project = quiet_tenant.project()
    with still.tenant() as other:
        for number in range(3):
            queued(other, other.project(f"p{number}"), "Theirs.", priority=1)
    first = queued(quiet_tenant, project, "First.")
    second = queued(quiet_tenant, project, "Second.")
    urgent = queued(quiet_tenant, project, "Urgent.", priority=1)

    def places() -> list[int | None]:
        return [shown(quiet_tenant, job)["queue_position"] for job in (urgent, first, second)]

    assert [1, 2, 3] == places()
    act(quiet_tenant, first, "cancel")
    assert [1, None, 2] == places()
    end(still, urgent)
    assert [None, None, 1] == places()


def test_positions_of_one_upload(still: InProcessServer, quiet_tenant: Tenant) -> None:
    """Jobs that were accepted together have places of their own."""
    _, children = queued_many(quiet_tenant, quiet_tenant.project(), 5)

    assert [1, 2, 3, 4, 5] == sorted(
        shown(quiet_tenant, child)["queue_position"] for child in children
    )


def test_fairness(server: InProcessServer, tenant: Tenant) -> None:
    """One document of a tenant is done while most of another's many still wait."""
    project = tenant.project()
    files = [(f"{n}.txt", f"Tiny document {n}.".encode()) for n in range(BACKLOG)]
    half = BACKLOG // 2
    with server.tenant() as other:
        with paused(server, "ingest"):
            parents = [
                tenant.upload(project, *part).json()["job"]["id"]
                for part in (files[:half], files[half:])
            ]
            job = queued(other, other.project(), "Only one.")
        done = other.ended(job)
    waiting = [shown(tenant, parent)["children"].get("queued", 0) for parent in parents]
    for parent in parents:
        act(tenant, parent, "cancel")
    ended = [tenant.ended(parent) for parent in parents]

    assert "completed" == done["status"]
    assert half < sum(waiting)
    assert BACKLOG == sum(sum(parent["children"].values()) for parent in ended)
