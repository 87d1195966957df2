"""Ending and repeating workflows in our transaction does to the rows what the engine's calls do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from dbos._sys_db import SystemDatabase
from tests.inprocess import InProcessServer
from tests.jobs.acting import at_rest, set_engine_status

from ragline.engine import attempts
from ragline.engine.enqueueing import Place
from ragline.engine.rows import operations, workflows
from ragline.models import new_id

QUEUE = "queue-that-nobody-listens-to"
TIDYING = ("abandon", "give_up")
# When it was done, and what makes two workflows two.
OWN = {
    "workflow_uuid",
    "creator_xid",
    "created_at",
    "updated_at",
    "completed_at",
    "retention_timestamp",
}
Row = dict[str, Any]


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[InProcessServer]:
    """A server without a worker."""
    with at_rest(request) as running:
        yield running


@pytest.fixture
def engines(server: InProcessServer) -> SystemDatabase:
    """The engine's own way to these rows."""
    return server.runtime.engine._client._sys_db


def enqueued(server: InProcessServer, parent: str | None = None, **options: Any) -> str:
    """Enqueue a workflow and return its id."""
    workflow_id = new_id()
    with server.runtime.database.write() as session:
        server.runtime.engine.enqueue(
            session,
            Place(
                "ingest",
                ("argument",),
                queue=QUEUE,
                workflow_id=workflow_id,
                timeout_seconds=60,
                share_of="tenant",
                **options,
            ),
        )
        session.execute(
            sa.update(workflows)
            .where(workflows.c.workflow_uuid == workflow_id)
            .values(parent_workflow_id=parent)
        )
    return workflow_id


def rows_of(server: InProcessServer, table: str, workflow_id: str) -> list[Row]:
    """Return the rows of a workflow in a table of the engine, all columns but its own."""
    query = sa.text(f"SELECT * FROM {table} WHERE workflow_uuid = :id ORDER BY 2")
    with server.runtime.database.read() as session:
        found = session.execute(query, {"id": workflow_id}).mappings()
        return [{name: row[name] for name in row.keys() - OWN} for row in found]


def record(
    server: InProcessServer, workflow_id: str, *names: str, failed: bool = False, first: int = 1
) -> None:
    """Record steps of a workflow by their names, the last one perhaps as failed."""
    with server.runtime.database.write() as session:
        for number, name in enumerate(names, start=first):
            error = "broken" if failed and name == names[-1] else None
            session.execute(
                sa.insert(operations).values(
                    workflow_uuid=workflow_id,
                    function_id=number,
                    function_name=name,
                    output=None if error else f"{number}",
                    error=error,
                    started_at_epoch_ms=number,
                    completed_at_epoch_ms=number,
                    serialization="ragline_json",
                )
            )


def add_child(server: InProcessServer, parent: str, number: int, status: str) -> None:
    """Record a child of a workflow that has come to some state, and the wait for it."""
    child = enqueued(server, parent)
    set_engine_status(server, child, status)
    with server.runtime.database.write() as session:
        for step, name in ((number, "read_pages"), (number + 1, "DBOS.getResult")):
            session.execute(
                sa.insert(operations).values(
                    workflow_uuid=parent,
                    function_id=step,
                    function_name=name,
                    child_workflow_id=child,
                    error="broken" if status == "ERROR" and name != "read_pages" else None,
                )
            )


def first_unfinished(server: InProcessServer, workflow_id: str) -> int:
    """Return where a retry begins."""
    with server.runtime.database.read() as session:
        return attempts.first_unfinished(session, workflow_id, undo=TIDYING)


@pytest.mark.parametrize("status", ["ENQUEUED", "DELAYED", "PENDING", "SUCCESS", "ERROR"])
def test_cancel(server: InProcessServer, engines: SystemDatabase, status: str) -> None:
    """Cancelling leaves the same row behind as the engine's own call, in every state."""
    ours, theirs = enqueued(server), enqueued(server)
    for one in (ours, theirs):
        set_engine_status(server, one, status)
    with server.runtime.database.write() as session:
        was = attempts.cancel(session, ours)
    engines.cancel_workflows([theirs], cancel_children=True)

    assert rows_of(server, "workflow_status", theirs) == rows_of(server, "workflow_status", ours)
    expected = {"PENDING": "running", "ENQUEUED": "waiting", "DELAYED": "waiting"}
    assert expected.get(status) == was


def test_cancel_children(server: InProcessServer, engines: SystemDatabase) -> None:
    """Children that are open are cancelled with their parent, as the engine does it."""
    rows = []
    for way in ("ours", "theirs"):
        parent = enqueued(server)
        children = [enqueued(server, parent) for _ in range(3)]
        for child, status in zip(children, ("SUCCESS", "PENDING", "ENQUEUED"), strict=True):
            set_engine_status(server, child, status)
        if way == "ours":
            with server.runtime.database.write() as session:
                attempts.cancel(session, parent)
        else:
            engines.cancel_workflows([parent], cancel_children=True)
        found = [rows_of(server, "workflow_status", child)[0] for child in children]
        rows.append([{**row, "parent_workflow_id": None} for row in found])

    assert rows[1] == rows[0]
    assert ["SUCCESS", "CANCELLED", "CANCELLED"] == [row["status"] for row in rows[0]]


def test_cancel_what_is_unknown(server: InProcessServer) -> None:
    """A workflow that does not exist was not open."""
    with server.runtime.database.write() as session:
        assert attempts.cancel(session, new_id()) is None


@pytest.mark.parametrize("first_step", [1, 2, 3, 4])
def test_fork(server: InProcessServer, engines: SystemDatabase, first_step: int) -> None:
    """A repetition has the inputs and the steps that the engine's own fork gives it."""
    source, ours, theirs = enqueued(server), new_id(), new_id()
    record(server, source, "plan", "read_batch", "build_chunks", failed=True)
    with server.runtime.database.write() as session:
        server.runtime.engine.fork(
            session,
            Place(
                "ingest",
                ("argument",),
                queue=QUEUE,
                workflow_id=ours,
                timeout_seconds=60,
                share_of="tenant",
            ),
            source=source,
            first_step=first_step,
        )
    engines.fork_workflow(
        [source],
        [theirs],
        [first_step],
        application_version="1",
        queue_name=QUEUE,
        queue_partition_key="tenant",
        workflow_timeout_ms=60_000,
    )

    for table in ("operation_outputs", "workflow_input"):
        assert rows_of(server, table, theirs) == rows_of(server, table, ours)
    mine, its = (rows_of(server, "workflow_status", each)[0] for each in (ours, theirs))
    # Ours has a place among the tenant's work, which the engine's fork cannot be given.
    assert {"priority"} >= {name for name in its if its[name] != mine[name]} - NOT_OURS
    assert source == mine["forked_from"]


NOT_OURS = {"application_name", "serialization", "inputs", "owner_xid", "executor_id"}
"""Columns that are written when a worker takes the workflow up."""


def test_all_succeeded(server: InProcessServer) -> None:
    """After the last step that succeeded comes the next one."""
    workflow_id = enqueued(server)
    assert 1 == first_unfinished(server, workflow_id)
    record(server, workflow_id, "plan", "read_batch")

    assert 3 == first_unfinished(server, workflow_id)


def test_failed_step(server: InProcessServer) -> None:
    """A retry begins at the step that failed, not behind what tidied up after it."""
    workflow_id = enqueued(server)
    record(server, workflow_id, "plan", "read_batch", failed=True)
    record(server, workflow_id, "abandon", first=3)

    assert 2 == first_unfinished(server, workflow_id)


def test_tidied_up_without_a_failed_step(server: InProcessServer) -> None:
    """What failed between two steps is repeated after the last that succeeded."""
    workflow_id = enqueued(server)
    record(server, workflow_id, "plan", "abandon")

    assert 2 == first_unfinished(server, workflow_id)


def test_forgotten_step(server: InProcessServer) -> None:
    """A retry begins at a step whose effect was taken away, whatever came after it."""
    workflow_id = enqueued(server)
    record(server, workflow_id, "plan", "read_batch", "build_chunks", "embed_chunks")
    with server.runtime.database.write() as session:
        attempts.forget_steps(session, workflow_id, ["build_chunks"])

    assert 3 == first_unfinished(server, workflow_id)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (("SUCCESS", "SUCCESS"), 6),
        (("SUCCESS", "ERROR"), 2),
        (("ERROR", "SUCCESS"), 2),
        (("SUCCESS", "CANCELLED"), 2),
        (("PENDING", "SUCCESS"), 2),
    ],
)
def test_children(server: InProcessServer, statuses: tuple[str, str], expected: int) -> None:
    """Children are repeated together unless all have succeeded."""
    workflow_id = enqueued(server)
    record(server, workflow_id, "plan")
    for number, status in zip((2, 4), statuses, strict=True):
        add_child(server, workflow_id, number, status)

    assert expected == first_unfinished(server, workflow_id)


def test_children_before_another_step(server: InProcessServer) -> None:
    """Children that succeeded stay done where a later step failed."""
    workflow_id = enqueued(server)
    record(server, workflow_id, "plan")
    add_child(server, workflow_id, 2, "SUCCESS")
    record(server, workflow_id, "build_chunks", failed=True, first=4)

    assert 4 == first_unfinished(server, workflow_id)


def test_outputs(server: InProcessServer) -> None:
    """The results of steps are found by their names."""
    workflow_id = enqueued(server)
    record(server, workflow_id, "plan", "build_chunks")
    with server.runtime.database.read() as session:
        assert {"plan": "1", "build_chunks": "2"} == attempts.outputs(session, workflow_id)


def test_limits_begin_anew(server: InProcessServer) -> None:
    """What a dead worker held, and its children, is not cut off for the time it lay there."""
    dead, alive = new_id(), new_id()
    held, spared = enqueued(server), enqueued(server)
    child = enqueued(server, held)
    with server.runtime.database.write() as session:
        for one, executor in ((held, dead), (spared, alive), (child, alive)):
            session.execute(
                sa.update(workflows)
                .where(workflows.c.workflow_uuid == one)
                .values(status="PENDING", executor_id=executor, workflow_deadline_epoch_ms=1)
            )
    server.runtime.engine._begin_limits_anew([dead])
    query = sa.select(workflows.c.workflow_uuid, workflows.c.workflow_deadline_epoch_ms)
    with server.runtime.database.read() as session:
        ids = (held, child, spared)
        deadlines = dict(session.execute(query.where(workflows.c.workflow_uuid.in_(ids))).all())

    assert [None, None, 1] == [deadlines[one] for one in (held, child, spared)]
