"""The engine: enqueueing, steps, and taking over the work of the dead."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from dbos import DBOS
from tests.inprocess import WAIT_SECONDS, InProcessServer

from ragline.engine import queues
from ragline.engine.engine import Engine
from ragline.engine.enqueueing import Place
from ragline.engine.retry import Retry
from ragline.engine.rows import workflows
from ragline.engine.sweeper import Sweeper
from ragline.errors import Overloaded, UnreadableFile
from ragline.models import Executor, new_id

NO_QUEUE = "queue-that-nobody-listens-to"
THRICE = Retry(attempts=3, first_wait=0.01, backoff=1.0)
ENDED = ("SUCCESS", "ERROR", "CANCELLED")


@pytest.fixture
def engine(server: InProcessServer) -> Engine:
    """The running engine of the server."""
    return server.runtime.engine


@pytest.fixture
def dead(server: InProcessServer) -> Iterator[str]:
    """An executor that runs nothing, yet counts as alive until a test says otherwise."""
    name = new_id()
    with server.runtime.database.write() as session:
        session.add(Executor(id=name, host="h", process=1, started=0, heartbeat=time.time() + 9999))
    yield name
    with server.runtime.database.write() as session:
        session.execute(sa.delete(Executor).where(Executor.id == name))
        session.execute(sa.delete(workflows).where(workflows.c.queue_name == NO_QUEUE))


def enqueued(server: InProcessServer, workflow: str = "ingest", queue: str = NO_QUEUE) -> str:
    """Enqueue a workflow and return its id."""
    workflow_id = new_id()
    with server.runtime.database.write() as session:
        server.runtime.engine.enqueue(
            session,
            Place(
                workflow, (workflow_id,), queue=queue, workflow_id=workflow_id, timeout_seconds=60
            ),
        )
    return workflow_id


def held(server: InProcessServer, executor: str, status: str = "PENDING") -> str:
    """Return a workflow that an executor has, in some state."""
    workflow_id = enqueued(server)
    with server.runtime.database.write() as session:
        session.execute(
            sa.update(workflows)
            .where(workflows.c.workflow_uuid == workflow_id)
            .values(status=status, executor_id=executor)
        )
    return workflow_id


def status_of(server: InProcessServer, workflow_id: str) -> str | None:
    """Return the engine's word for a workflow."""
    with server.runtime.database.read() as session:
        return session.scalar(
            sa.select(workflows.c.status).where(workflows.c.workflow_uuid == workflow_id)
        )


def run(server: InProcessServer, body: Callable[[], object]) -> str:
    """Run a function as a workflow and return how it ended."""
    name = f"test-{new_id()}"
    DBOS.workflow(name=name)(lambda _workflow_id: body())
    workflow_id = enqueued(server, name, queues.DEFAULT)
    deadline = time.monotonic() + WAIT_SECONDS
    while (status := status_of(server, workflow_id)) not in ENDED:
        assert time.monotonic() < deadline, f"the workflow did not end: {status}"
        time.sleep(0.02)
    return str(status)


def test_enqueue_is_kept_with_our_transaction(server: InProcessServer) -> None:
    """A workflow is in its queue once our transaction is committed."""

    assert "ENQUEUED" == status_of(server, enqueued(server))


def test_enqueue_rolls_back_with_our_transaction(server: InProcessServer, engine: Engine) -> None:
    """Nothing is enqueued by a transaction that fails."""

    workflow_id = new_id()

    def enqueue_and_fail() -> None:
        with server.runtime.database.write() as session:
            engine.enqueue(
                session,
                Place(
                    "ingest", ("x",), queue=NO_QUEUE, workflow_id=workflow_id, timeout_seconds=60
                ),
            )
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        enqueue_and_fail()

    assert status_of(server, workflow_id) is None


def test_step_is_tried_again_on_temporary_trouble(server: InProcessServer, engine: Engine) -> None:
    """A step that meets temporary trouble is tried again, until it succeeds."""

    tries: list[int] = []

    def flaky() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise Overloaded("Not now.")
        return 1

    status = run(server, lambda: engine.step(flaky, THRICE))

    assert ("SUCCESS", 3) == (status, len(tries))


def test_step_gives_up(server: InProcessServer, engine: Engine) -> None:
    """A step is tried as often as it may be, and no more."""

    tries: list[int] = []

    def never() -> None:
        tries.append(1)
        raise Overloaded("Not now.")

    status = run(server, lambda: engine.step(never, THRICE))

    assert ("ERROR", 3) == (status, len(tries))


def test_step_is_not_tried_again_on_bad_input(server: InProcessServer, engine: Engine) -> None:
    """A step that fails for good fails at once."""

    tries: list[int] = []

    def broken() -> None:
        tries.append(1)
        raise UnreadableFile("Never.")

    status = run(server, lambda: engine.step(broken, THRICE))

    assert ("ERROR", 1) == (status, len(tries))


def test_recovery_has_its_signature() -> None:
    """The engine's private recovery, which we call, takes a list of executors."""

    parameters = inspect.signature(DBOS._recover_pending_workflows).parameters

    assert ["executor_ids"] == list(parameters)


@pytest.mark.parametrize("status", ["SUCCESS", "ERROR", "CANCELLED", "ENQUEUED"])
def test_recovery_leaves_what_is_not_pending(
    server: InProcessServer, dead: str, status: str
) -> None:
    """Recovery changes nothing that is not being worked on."""

    workflow_id = held(server, dead, status)
    handles = DBOS._recover_pending_workflows([dead])

    assert ([], status) == (handles, status_of(server, workflow_id))


def test_recovery_enqueues_pending_work(server: InProcessServer, dead: str) -> None:
    """Recovery puts the pending work of an executor back into its queue, once."""

    workflow_id = held(server, dead)
    handles = DBOS._recover_pending_workflows([dead])

    assert [workflow_id] == [handle.get_workflow_id() for handle in handles]
    assert "ENQUEUED" == status_of(server, workflow_id)
    assert [] == DBOS._recover_pending_workflows([dead])


def test_recovery_spares_other_executors(server: InProcessServer, dead: str) -> None:
    """Recovery takes nothing from an executor that was not named."""

    workflow_id = held(server, dead)
    DBOS._recover_pending_workflows([new_id()])

    assert "PENDING" == status_of(server, workflow_id)


def sweeper(server: InProcessServer, told: list[str], executor_id: str) -> Sweeper:
    """Return a sweeper that is not running and reports what it recovered."""
    return Sweeper(
        server.runtime.database,
        executor_id,
        host="h",
        process=1,
        heartbeat_seconds=9999,
        dead_after_seconds=60,
        recover=lambda ids: [h.get_workflow_id() for h in DBOS._recover_pending_workflows(ids)],
        on_recovered=told.extend,
        on_sweep=(),
    )


def test_sweeper_spares_the_living(server: InProcessServer, dead: str) -> None:
    """The work of an executor whose heart beats is left alone."""

    workflow_id, told = held(server, dead), list[str]()

    assert workflow_id not in sweeper(server, told, new_id()).sweep()
    assert "PENDING" == status_of(server, workflow_id)


@pytest.mark.parametrize("heartbeat", [0.0, None], ids=["old heartbeat", "no heartbeat"])
def test_sweeper_takes_over(server: InProcessServer, dead: str, heartbeat: float | None) -> None:
    """The work of an executor without a heartbeat goes back into its queue, whoever sees it."""

    workflow_id = held(server, dead)
    with server.runtime.database.write() as session:
        one = sa.update(Executor).values(heartbeat=0.0) if heartbeat == 0.0 else sa.delete(Executor)
        session.execute(one.where(Executor.id == dead))
    sweeper(server, [], new_id()).sweep()

    # The server's own sweeper may have been quicker; either way it is done once.
    assert "ENQUEUED" == status_of(server, workflow_id)


def test_heartbeat(server: InProcessServer, dead: str) -> None:
    """A beat is written over the last one, and a stopped sweeper leaves none."""

    one = sweeper(server, [], dead)
    one.beat()
    with server.runtime.database.read() as session:
        beat = session.scalar(sa.select(Executor.heartbeat).where(Executor.id == dead))
    one.stop()
    with server.runtime.database.read() as session:
        left = session.scalar(sa.select(Executor.id).where(Executor.id == dead))

    assert beat is not None
    assert beat <= time.time()
    assert left is None
