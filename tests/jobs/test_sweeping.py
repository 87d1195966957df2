"""What workers look after: ends that the engine wrote alone, and work of the dead."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from tests.inprocess import InProcessServer, Tenant
from tests.jobs.acting import (
    act,
    at_rest,
    begin,
    end,
    engine_status,
    events_of,
    queued,
    set_engine_status,
    shown,
    undo,
)

from ragline.engine.enqueueing import Place
from ragline.jobs import sweeping
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
            session, Place("x", (), queue="pages", workflow_id=f"{job}-part", timeout_seconds=60)
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
