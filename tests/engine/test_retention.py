"""Forgetting workflows leaves nothing of them in any table of the engine."""

from __future__ import annotations

import inspect

import pytest
import sqlalchemy as sa
from dbos._sys_db import SystemDatabase
from tests.inprocess import InProcessServer, Tenant

from ragline.engine.enqueueing import Place
from ragline.engine.retention import forget
from ragline.engine.rows import workflows


def rows_of(server: InProcessServer, workflow_id: str) -> dict[str, int]:
    """Count what the tables of the database hold under a workflow's id."""
    engine = server.runtime.database.engine
    found: dict[str, int] = {}
    for table in sa.inspect(engine).get_table_names():
        columns = {column["name"] for column in sa.inspect(engine).get_columns(table)}
        for name in {"workflow_uuid", "destination_uuid"} & columns:
            with server.runtime.database.read() as session:
                query = sa.text(f"SELECT count(*) FROM {table} WHERE {name} = :id")
                found[table] = session.execute(query, {"id": workflow_id}).scalar_one()
    return {table: count for table, count in found.items() if count}


def test_nothing_is_left_of_a_workflow(server: InProcessServer, tenant: Tenant) -> None:
    """Its row goes, with its input, output and steps."""

    accepted = tenant.add_text(tenant.project(), "Some words about a lighthouse.").json()
    job = accepted["job"]["id"]
    tenant.ended(job)
    before = rows_of(server, job)
    with server.runtime.database.write() as session:
        session.execute(
            sa.update(workflows).where(workflows.c.workflow_uuid == job).values(status="SUCCESS")
        )
        count = forget(session, [job])

    assert {"workflow_status", "operation_outputs"} <= before.keys()
    assert 1 == count
    assert {} == rows_of(server, job)


def test_open_workflow_stays(server: InProcessServer) -> None:
    """A workflow that has not ended is not forgotten."""

    workflow_id = "retention-of-an-open-one"
    with server.runtime.database.write() as session:
        server.runtime.engine.enqueue(
            session,
            Place("ingest", ("x",), queue="nobody", workflow_id=workflow_id, timeout_seconds=60),
        )
        count = forget(session, [workflow_id])
        session.rollback()

    assert 0 == count


@pytest.mark.parametrize("table", ["workflow_input", "workflow_output", "operation_outputs"])
def test_engine_forgets_the_same_tables(table: str) -> None:
    """The engine's own deletion names the tables that do not hang on a workflow's row."""

    assert f"self.tables.{table}," in inspect.getsource(SystemDatabase._delete_workflows)
