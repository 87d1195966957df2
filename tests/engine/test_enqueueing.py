"""What we write to enqueue workflows is what the engine writes."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from dbos import EnqueueOptions
from tests.inprocess import InProcessServer

from ragline.engine.enqueueing import Place
from ragline.models import new_id

QUEUE = "nobody-works-here"
Row = dict[str, Any]
# Its own ids and moments; what a client of the engine adds as the name of its application.
OWN = {"workflow_uuid", "created_at", "updated_at", "retention_timestamp", "creator_xid"}


def row_of(server: InProcessServer, table: str, workflow_id: str) -> Row:
    """Return the row of a workflow in a table of the engine."""
    query = sa.text(f"SELECT * FROM {table} WHERE workflow_uuid = :id")
    with server.runtime.database.read() as session:
        row = session.execute(query, {"id": workflow_id}).mappings().one()
        return {name: row[name] for name in row.keys() - OWN}


@pytest.mark.parametrize("delay", [None, 3600.0])
def test_same_rows(server: InProcessServer, delay: float | None) -> None:
    """A workflow we enqueue among others has the rows that the engine's own call gives it."""
    ours, theirs = [new_id(), new_id()], new_id()
    options: EnqueueOptions = {
        "workflow_name": "ingest",
        "queue_name": QUEUE,
        "workflow_id": theirs,
        "app_version": "1",
        "workflow_timeout": 60.5,
        "priority": 7,
        "queue_partition_key": "tenant",
    }
    if delay is not None:
        options["delay_seconds"] = delay
    with server.runtime.database.write() as session:
        server.runtime.engine._client.enqueue_in_transaction(session, options, "é", 1, None)
        places = [
            Place(
                "ingest",
                ("é", 1, None),
                queue=QUEUE,
                workflow_id=each,
                timeout_seconds=60.5,
                share_of="tenant",
                priority=7,
                delay_seconds=delay,
            )
            for each in ours
        ]
        server.runtime.engine.enqueue(session, *places)

    for table in ("workflow_status", "workflow_input"):
        expected = row_of(server, table, theirs)
        until = expected.pop("delay_until_epoch_ms", None)
        for each in ours:
            row = row_of(server, table, each)
            mine = row.pop("delay_until_epoch_ms", None)
            assert expected == row
            assert (until is None) == (mine is None)
            assert abs((until or 0) - (mine or 0)) < 60_000


def test_in_order(server: InProcessServer) -> None:
    """Moments of arrival on SQLite are finer than the seconds of its clock."""
    if not server.runtime.database.is_sqlite:
        pytest.skip("PostgreSQL's clock is fine enough, and its rows keep the database's time")
    workflow_id = new_id()
    with server.runtime.database.write() as session:
        place = Place("ingest", (), queue=QUEUE, workflow_id=workflow_id, timeout_seconds=60)
        created = []
        server.runtime.engine.enqueue(session, place)
        query = sa.text("SELECT created_at, updated_at FROM workflow_status WHERE workflow_uuid=:i")
        created = session.execute(query, {"i": workflow_id}).one()

    assert 0 == created.updated_at % 1000
    assert 0 <= created.created_at - created.updated_at < 60_000
