"""Cancelling, retrying and dismissing jobs, where nobody works on them meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
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
    set_engine_status,
    shown,
)

from ragline.errors import Conflict, UnreadableFile
from ragline.jobs import control, service, sweeping, undoing
from ragline.models import Job, now
from ragline.worker import UNDOINGS

ROUNDS = 8


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[InProcessServer]:
    """A server without a worker."""
    with at_rest(request) as running:
        yield running


@pytest.fixture
def job(tenant: Tenant) -> str:
    """A job that waits in its queue."""
    return queued(tenant, tenant.project())


def undo(server: InProcessServer, job_id: str) -> None:
    """Do the undoing of a cancelled job, as its workflow would."""
    with server.runtime.database.read() as session:
        workflow_id = session.get_one(Job, job_id).workflow_id
    assert workflow_id is not None
    undoing.undo_attempt(server.runtime, UNDOINGS, job_id, workflow_id)


def together(*calls: Callable[[], object]) -> list[object]:
    """Make calls at the same moment; return what each returned or raised."""
    barrier = threading.Barrier(len(calls))

    def call(function: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return function()
        except (Conflict, service.Superseded) as error:
            return error

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(call, calls))


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
        service.ending.start_parent(session, session.get_one(Job, child))
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


def test_engine_ended_alone(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """A job past its time limit ends as failed, once, and says how to go on."""
    begin(server, job)
    set_engine_status(server, job, "CANCELLED")
    for _ in "12":
        sweeping.settle(server.runtime, UNDOINGS)
    found = shown(tenant, job)

    assert "failed" == found["status"]
    assert "time limit" in found["error"]["detail"]
    assert ["job.queued", "job.failed"] == events_of(server, job)


def test_time_limit_ends_children(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """The parts of a document whose time is over are not worked on any more."""
    begin(server, job)
    with server.runtime.database.write() as session:
        server.runtime.engine.enqueue(
            session, "x", queue="pages", workflow_id=f"{job}-part", timeout_seconds=60
        )
        session.execute(
            sa.text(
                "UPDATE workflow_status SET parent_workflow_id = :job WHERE workflow_uuid = :p"
            ),
            {"job": job, "p": f"{job}-part"},
        )
    set_engine_status(server, job, "CANCELLED")
    sweeping.settle(server.runtime, UNDOINGS)

    assert "CANCELLED" == engine_status(server, f"{job}-part")


def test_cancel_before_the_sweeper_saw_it(
    server: InProcessServer, tenant: Tenant, job: str
) -> None:
    """A job that the engine has just ended alone is cancelled, not failed too."""
    begin(server, job)
    set_engine_status(server, job, "CANCELLED")
    act(tenant, job, "cancel")
    sweeping.settle(server.runtime, UNDOINGS)
    undo(server, job)

    assert ["job.queued", "job.cancelled"] == events_of(server, job)


def test_undo_that_failed(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """A job whose undoing was given up ends all the same, and a retry repeats what was undone."""
    begin(server, job)
    record_steps(server, job, "plan", "read_batch", "build_chunks", "embed_chunks")
    act(tenant, job, "cancel")
    set_engine_status(server, f"{job}-undo", "ERROR")
    sweeping.settle(server.runtime, UNDOINGS)
    found = act(tenant, job, "retry").json()

    assert [1, 3] == [attempt["first_step"] for attempt in found["attempts"]]


def test_recovery_of_an_ended_job(server: InProcessServer, job: str) -> None:
    """A job that ended while its worker was taken for dead has no later event."""
    end(server, job, "completed")
    sweeping.note_recovered(server.runtime, [job])

    assert ["job.queued", "job.completed"] == events_of(server, job)


def test_cancel_against_publishing(server: InProcessServer, tenant: Tenant) -> None:
    """Of a cancelling and a publishing at the same moment, one wins; the job ends once."""
    project = tenant.project()
    for number in range(ROUNDS):
        job = queued(tenant, project, f"Race {number}.")
        begin(server, job)
        together(
            lambda job=job: publish(server, job, job),
            lambda job=job: control.cancel(server.runtime, tenant.id, job),
            lambda job=job: control.cancel(server.runtime, tenant.id, job),
        )
        undo(server, job)
        assert events_of(server, job)[1:] in (["job.completed"], ["job.cancelled"])


def test_retries_at_once(server: InProcessServer, tenant: Tenant) -> None:
    """Of several retries at the same moment, one begins an attempt."""
    project = tenant.project()
    for number in range(ROUNDS):
        job = queued(tenant, project, f"Race {number}.")
        end(server, job)
        retry = [lambda job=job: control.retry(server.runtime, tenant.id, job)] * 3
        assert 2 == sum(isinstance(each, Conflict) for each in together(*retry))
        assert 2 == len(shown(tenant, job)["attempts"])


def test_retry_against_upload(server: InProcessServer, tenant: Tenant) -> None:
    """A retry and another upload of the same content never build one document twice at once."""
    project = tenant.project()
    for number in range(ROUNDS):
        job = queued(tenant, project, f"Race {number}.")
        end(server, job)
        together(
            lambda job=job: control.retry(server.runtime, tenant.id, job),
            lambda number=number: tenant.add_text(project, f"Race {number}."),
        )
        document = shown(tenant, job)["document_id"]
        with server.runtime.database.read() as session:
            query = sa.select(Job.id).where(Job.document_id == document, Job.outcome.is_(None))
            assert 1 == len(session.scalars(query).all())


def test_children_that_end_at_once(server: InProcessServer, tenant: Tenant) -> None:
    """Children that end, or are cancelled with their parent, at the same moment end it once."""
    for _ in range(ROUNDS):
        with server.tenant() as other:
            parent, children = queued_many(other, other.project(), 4)
            together(
                *(lambda child=child: publish(server, child, child) for child in children[:3]),
                lambda parent=parent, other=other: control.cancel(server.runtime, other.id, parent),
                lambda child=children[3], other=other: control.cancel(
                    server.runtime, other.id, child
                ),
            )
            assert shown(other, parent)["finished_at"] is not None
            events_of(server, parent)


def publish(server: InProcessServer, job_id: str, workflow_id: str) -> None:
    """End a job well as its last step does."""
    with server.runtime.database.write() as session:
        job = service.open_job(session, job_id, workflow_id)
        service.complete(session, job, result={})


def record_steps(server: InProcessServer, workflow_id: str, *names: str) -> None:
    """Have steps succeeded, as far as the engine's rows tell."""
    with server.runtime.database.write() as session:
        for number, name in enumerate(names, start=1):
            session.execute(
                sa.text(
                    "INSERT INTO operation_outputs (workflow_uuid, function_id, function_name, "
                    "output) VALUES (:id, :number, :name, '1')"
                ),
                {"id": workflow_id, "number": number, "name": name},
            )
