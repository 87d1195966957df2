"""Work that another release began."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

import sqlalchemy as sa
from dbos import DBOS
from tests.inprocess import WAIT_SECONDS, InProcessServer

from ragline.engine import queues
from ragline.engine.enqueueing import Place
from ragline.engine.retry import LOCAL
from ragline.engine.rows import operations
from ragline.errors import Stopping
from ragline.models import new_id


def raised_by(server: InProcessServer, body: Callable[[], object], *, recorded: str) -> str:
    """Run a function as a workflow with a step recorded; return the name of what it raises."""
    raised: SimpleQueue[str] = SimpleQueue()
    name, workflow_id = f"test-{new_id()}", new_id()

    def workflow(_workflow_id: str) -> None:
        row = {"workflow_uuid": workflow_id, "function_id": 1, "function_name": recorded}
        with server.runtime.database.write() as session:
            session.execute(sa.insert(operations).values(row))
        with suppress(Exception, Stopping):
            try:
                body()
            except BaseException as error:
                raised.put(type(error).__name__)
                raise

    DBOS.workflow(name=name)(workflow)
    place = Place(
        name, (workflow_id,), queue=queues.DEFAULT, workflow_id=workflow_id, timeout_seconds=60
    )
    with server.runtime.database.write() as session:
        server.runtime.engine.enqueue(session, place)
    return raised.get(timeout=WAIT_SECONDS)


def test_unknown_steps_let_a_workflow_rest(server: InProcessServer) -> None:
    """Where another step was recorded than this release takes, the work stops without failing."""
    ran: list[int] = []
    engine = server.runtime.engine

    raised = raised_by(server, lambda: engine.step(ran.append, LOCAL, 1), recorded="summarize")

    assert ("Stopping", []) == (raised, ran)


def test_unknown_children_let_a_workflow_rest(server: InProcessServer) -> None:
    """Where a step was recorded and this release would begin children, it is the same."""

    def begin_children() -> None:
        server.runtime.engine.run_children(
            "read_pages", queues.PAGES, {new_id(): ("x", 1)}, share_of="tenant"
        )

    assert "Stopping" == raised_by(server, begin_children, recorded="summarize")
