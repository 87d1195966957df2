"""Retrying and dismissing jobs where nobody works on them meanwhile."""

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

from ragline.errors import UnreadableFile
from ragline.jobs import ending, service, undoing
from ragline.models import Job, now
from ragline.worker import UNDOINGS


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[InProcessServer]:
    """A server without a worker."""
    with at_rest(request) as running:
        yield running


@pytest.fixture
def job(tenant: Tenant) -> str:
    """A job that waits in its queue."""
    return queued(tenant, tenant.project())


def test_retry(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """A failed job is queued again under its id, with the history of its attempts."""
    end(server, job)
    answer = act(tenant, job, "retry")
    found = answer.json()

    assert (202, job, "queued", None) == (
        answer.status_code,
        found["id"],
        found["status"],
        found["error"],
    )
    assert [(1, "failed"), (2, None)] == [
        (attempt["number"], attempt["outcome"]) for attempt in found["attempts"]
    ]
    assert "It broke." == found["attempts"][0]["error"]["detail"]
    assert "ENQUEUED" == engine_status(server, f"{job}-2")
    assert ["job.queued", "job.failed", "job.retrying"] == events_of(server, job)


def test_retry_many_times(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """Each attempt is numbered on; each ends once."""
    for outcome in ("failed", "cancelled", "failed"):
        end(server, job, outcome)
        act(tenant, job, "retry")
    end(server, job, "completed")

    assert [1, 2, 3, 4] == [attempt["number"] for attempt in shown(tenant, job)["attempts"]]
    assert 4 == sum(type in ("job.queued", "job.retrying") for type in events_of(server, job))


def test_retry_keeps_its_time(server: InProcessServer, tenant: Tenant) -> None:
    """A job that was cancelled before its time does not begin before it when it is retried."""
    later = (now() + timedelta(hours=1)).isoformat()
    job = queued(tenant, tenant.project(), not_before=later)
    act(tenant, job, "cancel")
    found = act(tenant, job, "retry").json()

    assert ("pending", "not_before") == (found["status"], found["waiting_for"])


def test_retry_of_what_has_not_failed(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """What is open or has completed is not retried."""
    problem_of(act(tenant, job, "retry"), 409, "conflict")
    end(server, job, "completed")
    problem_of(act(tenant, job, "retry"), 409, "conflict")


def test_retry_while_it_is_undone(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """A cancelled job is retried once its undoing has ended it, not before."""
    begin(server, job)
    act(tenant, job, "cancel")
    problem_of(act(tenant, job, "retry"), 409, "conflict")
    undo(server, job)

    assert 202 == act(tenant, job, "retry").status_code


def test_late_undo_spares_the_next_attempt(
    server: InProcessServer, tenant: Tenant, job: str
) -> None:
    """An undoing that runs again, late, leaves an attempt alone that began since."""
    begin(server, job)
    act(tenant, job, "cancel")
    undo(server, job)
    act(tenant, job, "retry")
    undoing.undo_attempt(server.runtime, UNDOINGS, job, job)
    act(tenant, job, "cancel")
    undoing.undo_attempt(server.runtime, UNDOINGS, job, job)

    assert ("processing", "undo") == (
        shown(tenant, job)["status"],
        shown(tenant, job)["waiting_for"],
    )


def test_retry_with_a_key(tenant: Tenant, server: InProcessServer, job: str) -> None:
    """A retry that is sent again under its key begins one attempt."""
    end(server, job)
    answers = [act(tenant, job, "retry", **{"Idempotency-Key": "again"}) for _ in "123"]

    assert [202] * 3 == [answer.status_code for answer in answers]
    assert 2 == len(answers[-1].json()["attempts"])


def test_retry_of_what_was_replaced(server: InProcessServer, tenant: Tenant) -> None:
    """A later upload of the same content takes the place of a failed job."""
    project = tenant.project()
    job = queued(tenant, project)
    end(server, job)
    queued(tenant, project)

    problem_of(act(tenant, job, "retry"), 409, "conflict")


def test_retry_of_a_deleted_document(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """A job whose document was deleted cannot be tried again."""
    end(server, job)
    tenant.http.delete(f"/v1/documents/{shown(tenant, job)['document_id']}")

    problem_of(act(tenant, job, "retry"), 409, "conflict")


def test_retry_of_a_parent(server: InProcessServer, tenant: Tenant) -> None:
    """The children that failed or were cancelled are tried again, the others are not."""
    parent, children = queued_many(tenant, tenant.project(), 3)
    act(tenant, parent, "cancel")
    act(tenant, children[0], "retry")
    end(server, children[0], "completed")
    found = act(tenant, parent, "retry").json()

    assert {"completed": 1, "queued": 2} == found["children"]
    for child in children[1:]:
        end(server, child, "completed")
    assert ("completed", {"completed": 3}) == (
        shown(tenant, parent)["status"],
        shown(tenant, parent)["result"],
    )
    assert "job.completed" == events_of(server, parent)[-1]


def test_retry_of_a_parent_without_open_children(server: InProcessServer, tenant: Tenant) -> None:
    """A parent whose children were all retried alone, and well, ends at once."""
    parent, children = queued_many(tenant, tenant.project(), 2)
    act(tenant, parent, "cancel")
    for child in children:
        act(tenant, child, "retry")
        begin(server, child)
        end(server, child, "completed")

    assert "cancelled" == shown(tenant, parent)["status"]
    assert "completed" == act(tenant, parent, "retry").json()["status"]
    assert "job.completed" == events_of(server, parent)[-1]


def test_retry_of_a_parent_with_a_deleted_document(server: InProcessServer, tenant: Tenant) -> None:
    """A child that cannot be tried again does not keep its siblings from it."""
    parent, (gone, other) = queued_many(tenant, tenant.project(), 2)
    act(tenant, parent, "cancel")
    tenant.http.delete(f"/v1/documents/{shown(tenant, gone)['document_id']}")
    found = act(tenant, parent, "retry").json()
    end(server, other, "completed")

    assert {"cancelled": 1, "queued": 1} == found["children"]
    assert "completed" == shown(tenant, parent)["status"]


def test_child_retried_alone(server: InProcessServer, tenant: Tenant) -> None:
    """A parent that has ended gets no more events from a child that is tried again."""
    parent, (child, _) = queued_many(tenant, tenant.project(), 2)
    act(tenant, parent, "cancel")
    act(tenant, child, "retry")
    with server.runtime.database.write() as session:
        ending.start_parent(session, session.get_one(Job, child))
    end(server, child, "completed")

    assert "job.cancelled" == events_of(server, parent)[-1]


def test_retry_many(server: InProcessServer, tenant: Tenant) -> None:
    """All failed jobs that fit are tried again, oldest first, until there are no more."""
    project, other = tenant.project(), tenant.project("other")
    jobs = [queued(tenant, project, f"Text {n}.", tags=["nightly"]) for n in range(3)]
    others = [queued(tenant, other), queued(tenant, project, "Untagged.")]
    for job in jobs + others:
        end(server, job)
    wanted = {"status": "failed", "tag": "nightly", "project": project, "limit": 2}
    answers = [tenant.http.post("/v1/jobs/retry", json=wanted).json() for _ in "123"]

    assert [jobs[:2], jobs[2:], []] == [[job["id"] for job in each["jobs"]] for each in answers]
    assert [True, False, False] == [each["has_more"] for each in answers]
    assert ["failed"] * 2 == [shown(tenant, job)["status"] for job in others]


def test_retry_many_leaves_out_what_cannot_be(server: InProcessServer, tenant: Tenant) -> None:
    """Dismissed jobs, and those of replaced or deleted documents, are no reason to ask again."""
    project = tenant.project()
    replaced, deleted, dismissed, good = [queued(tenant, project, f"Text {n}.") for n in range(4)]
    for job in (replaced, deleted, dismissed, good):
        end(server, job)
    queued(tenant, project, "Text 0.")
    tenant.http.delete(f"/v1/documents/{shown(tenant, deleted)['document_id']}")
    act(tenant, dismissed, "dismiss")
    answer = tenant.http.post("/v1/jobs/retry", json={"limit": 1}).json()

    assert ([good], False) == ([job["id"] for job in answer["jobs"]], answer["has_more"])


def test_retry_many_cancelled(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """Cancelled jobs are tried again if one asks for them; open and completed ones never."""
    act(tenant, job, "cancel")
    none = tenant.http.post("/v1/jobs/retry", json={}).json()["jobs"]
    found = tenant.http.post("/v1/jobs/retry", json={"status": "cancelled"}).json()["jobs"]

    assert ([], [job]) == (none, [one["id"] for one in found])
    for status in ("completed", "queued"):
        answer = tenant.http.post("/v1/jobs/retry", json={"status": status})
        problem_of(answer, 422, "invalid-input")


def test_dismiss(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """Only a failed job is dismissed, once; a retry takes that back and begins anew."""
    problem_of(act(tenant, job, "dismiss"), 409, "conflict")
    end(server, job)
    first, second = act(tenant, job, "dismiss").json(), act(tenant, job, "dismiss").json()
    retried = act(tenant, job, "retry").json()

    assert first["dismissed_at"] is not None
    assert first["dismissed_at"] == second["dismissed_at"]
    assert (None, 1) == (retried["dismissed_at"], retried["attempts"][-1]["first_step"])


def test_late_attempt(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """An attempt whose job was retried since can neither change it nor end it."""
    end(server, job)
    act(tenant, job, "retry")
    with server.runtime.database.write() as session:
        row = session.get_one(Job, job)
        with pytest.raises(service.Superseded):
            service.open_job(session, job, job)
        assert not service.fail(session, row, UnreadableFile("late"), job)
        assert service.open_job(session, job, f"{job}-2") is row
