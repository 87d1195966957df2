"""Cancelling jobs where nobody works on them meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from tests.contract import problem_of
from tests.inprocess import InProcessServer, Tenant
from tests.jobs.acting import (
    act,
    at_rest,
    begin,
    end,
    engine_status,
    events_of,
    queued,
    queued_many,
    shown,
    undo,
)

from ragline.models import now


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[InProcessServer]:
    """A server without a worker."""
    with at_rest(request) as running:
        yield running


@pytest.fixture
def job(tenant: Tenant) -> str:
    """A job that waits in its queue."""
    return queued(tenant, tenant.project())


def test_cancel_what_waits(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """A queued job ends at once, with nothing to undo."""

    answer = act(tenant, job, "cancel")
    found = answer.json()

    assert (200, "cancelled") == (answer.status_code, found["status"])
    assert {"undone": {}} == found["result"]
    assert ["cancelled"] == [attempt["outcome"] for attempt in found["attempts"]]
    assert "CANCELLED" == engine_status(server, job)
    assert ["job.queued", "job.cancelled"] == events_of(server, job)


def test_cancel_what_is_delayed(server: InProcessServer, tenant: Tenant) -> None:
    """A job whose time has not come ends at once."""
    later = (now() + timedelta(hours=1)).isoformat()
    job = queued(tenant, tenant.project(), not_before=later)

    assert "cancelled" == act(tenant, job, "cancel").json()["status"]
    assert "CANCELLED" == engine_status(server, job)


def test_cancel_twice(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """The second cancelling is answered like the first and changes nothing."""
    first, second = act(tenant, job, "cancel"), act(tenant, job, "cancel")

    assert (200, first.json()) == (second.status_code, second.json())
    assert ["job.queued", "job.cancelled"] == events_of(server, job)


def test_cancel_what_runs(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """A running job waits for its undoing, which ends it with the receipt."""
    begin(server, job)
    answers = [act(tenant, job, "cancel") for _ in "12"]
    meanwhile = answers[-1].json()
    undo(server, job)
    undo(server, job)
    ended = shown(tenant, job)

    assert [202, 202] == [answer.status_code for answer in answers]
    assert ("processing", "undo") == (meanwhile["status"], meanwhile["waiting_for"])
    assert ("CANCELLED", "ENQUEUED") == (
        engine_status(server, job),
        engine_status(server, f"{job}-undo"),
    )
    assert ("cancelled", None) == (ended["status"], ended["waiting_for"])
    assert {"undone": {"chunks": 0, "vectors": 0}} == ended["result"]
    assert ["job.queued", "job.cancelled"] == events_of(server, job)


@pytest.mark.parametrize("outcome", ["completed", "failed"])
def test_cancel_what_has_ended(
    server: InProcessServer, tenant: Tenant, job: str, outcome: str
) -> None:
    """What has completed or failed stays so."""
    end(server, job, outcome)

    problem_of(act(tenant, job, "cancel"), 409, "conflict")


def test_cancel_a_deletion(tenant: Tenant) -> None:
    """The deletion of a project cannot be cancelled."""
    answer = tenant.http.delete(f"/v1/projects/{tenant.project()}")

    problem_of(act(tenant, answer.json()["job"]["id"], "cancel"), 409, "conflict")


def test_cancel_a_parent(server: InProcessServer, tenant: Tenant) -> None:
    """Its children are cancelled, and the last of them ends it."""
    parent, children = queued_many(tenant, tenant.project(), 3)
    begin(server, children[0])
    meanwhile = act(tenant, parent, "cancel").json()
    undo(server, children[0])

    assert {"cancelled": 2, "processing": 1} == meanwhile["children"]
    assert ["cancelled"] * 3 == [shown(tenant, child)["status"] for child in children]
    assert ("cancelled", {"cancelled": 3}) == (
        shown(tenant, parent)["status"],
        shown(tenant, parent)["result"],
    )
    assert "job.cancelled" == events_of(server, parent)[-1]


def test_cancel_a_parent_again(server: InProcessServer, tenant: Tenant) -> None:
    """A child that was retried while its parent was being cancelled is cancelled as well."""
    parent, (runs, waits) = queued_many(tenant, tenant.project(), 2)
    begin(server, runs)
    act(tenant, parent, "cancel")
    act(tenant, waits, "retry")
    act(tenant, parent, "cancel")
    for child in (runs, waits):
        undo(server, child)

    assert "cancelled" == shown(tenant, parent)["status"]


@pytest.mark.parametrize("verb", ["cancel", "retry", "dismiss"])
def test_of_another_tenant(server: InProcessServer, job: str, verb: str) -> None:
    """Another tenant's job is not found."""
    with server.tenant() as other:
        problem_of(act(other, job, verb), 404, "not-found")


@pytest.mark.parametrize("path", ["{}/cancel", "{}/retry", "{}/dismiss", "retry"])
def test_reader(server: InProcessServer, tenant: Tenant, job: str, path: str) -> None:
    """A key that may only read changes no job."""
    key = tenant.http.post("/v1/keys", json={"name": "r", "role": "reader"}).json()["key"]
    with server.client(key) as http:
        problem_of(http.post(f"/v1/jobs/{path.format(job)}", json={}), 403, "forbidden")
