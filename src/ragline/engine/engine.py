"""Durable workflows: register, enqueue in our transaction, run, recover."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import sqlalchemy as sa
import structlog
from dbos import (
    DBOS,
    DBOSClient,
    DBOSConfig,
    SetEnqueueOptions,
    SetWorkflowID,
)
from sqlalchemy.orm import Session

from ragline.database import Database
from ragline.engine import attempts, enqueueing, queues
from ragline.engine.courtesy import Courtesy
from ragline.engine.enqueueing import APPLICATION_VERSION, Place
from ragline.engine.releases import left_to_its_release
from ragline.engine.retry import Retry, worth_retrying
from ragline.engine.rows import OPEN, workflows
from ragline.engine.schedules import Schedule, apply, checked
from ragline.engine.serializer import JsonSerializer
from ragline.engine.step_gate import StepGate
from ragline.engine.sweeper import Sweeper
from ragline.models import new_id
from ragline.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")
log = structlog.get_logger()

# Our own limit on starts without progress acts long before this one of the engine's.
ENGINE_RECOVERY_LIMIT = 1000
CHILDREN_LOOK_SECONDS = 0.1
STOP_SECONDS = 10.0


class Engine:
    """Our face on DBOS; one instance may run workflows in a process at a time."""

    def __init__(self, database: Database, settings: Settings) -> None:
        _share_logging()
        self._database = database
        self._settings = settings
        self._functions: dict[str, Callable[..., Any]] = {}
        self._workflows: dict[str, Callable[..., Any]] = {}
        self._schedules: dict[str, Schedule] = {}
        self._client = DBOSClient(
            system_database_engine=database.engine,
            serializer=JsonSerializer(),
            lazy=True,
            retry_connection_errors=False,
        )
        self._sweeper: Sweeper | None = None
        self.courtesy = Courtesy()
        self._steps = StepGate(self.courtesy)

    def migrate(self) -> None:
        """Bring the engine's own tables up to date."""
        self._client._sys_db.run_migrations()  # the public call would open a second engine

    def register(self, name: str, function: Callable[..., Any]) -> None:
        """Make a function known as the workflow `name`; its arguments are plain values."""
        self._functions[name] = function

    def schedule(self, name: str, workflow: str, cron: str, *, setting: str) -> None:
        """Have a registered workflow begin by the clock, once a tick over all workers.

        Raises:
            ConfigurationError: `cron`, from this setting, is no cron expression.
        """
        self._schedules[name] = checked(name, workflow, cron, setting=setting)

    def enqueue(self, session: Session, *places: Place) -> None:
        """Enqueue workflows in the caller's transaction: they are kept with its rows, or not."""
        enqueueing.enqueue(session, places)

    def fork(self, session: Session, place: Place, *, source: str, first_step: int) -> None:
        """Enqueue a workflow that begins with the results of another's steps before one."""
        self.enqueue(session, place)
        attempts.copy_steps(session, source, place.workflow_id, before=first_step)

    def step(
        self, function: Callable[P, R], retry: Retry, /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run a function as a step of the present workflow; its result is kept.

        A step whose result was stored is not run again; one that was interrupted is.
        """
        with left_to_its_release():
            return DBOS.run_step(
                {
                    "name": function.__name__,
                    "retries_allowed": retry.attempts > 1,
                    "max_attempts": retry.attempts,
                    "interval_seconds": retry.first_wait,
                    "backoff_rate": retry.backoff,
                    "should_retry": worth_retrying,
                },
                self._steps.guarded(function),
                *args,
                **kwargs,
            )

    def run_children(
        self, name: str, queue: str, children: Mapping[str, Sequence[Any]], *, share_of: str
    ) -> None:
        """Run registered workflows as children, by id and arguments, and wait for their end.

        A replay finds the children that are there. The first child's error is raised.
        """
        workflow, handles = self._workflows[name], []
        for child_id, arguments in children.items():
            with (
                left_to_its_release(),
                SetWorkflowID(child_id),
                SetEnqueueOptions(queue_partition_key=share_of),
            ):
                handles.append(DBOS.enqueue_workflow(queue, workflow, *arguments))
        # The engine's own waiting does not hear that the process is to end.
        unfinished = self._steps.patiently(self._unfinished)
        while unfinished(list(children)):
            self._steps.pause(CHILDREN_LOOK_SECONDS)
        for handle in handles:
            handle.get_result()

    def patiently(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function that is no step, waiting for a database that is away."""
        return self._steps.patiently(function)(*args, **kwargs)

    def pause(self, seconds: float) -> None:
        """Wait inside a step; raise `Stopping` if the process is to end meanwhile."""
        self._steps.pause(seconds)

    def workflow_id(self) -> str:
        """Return the id of the workflow that is running in this thread."""
        workflow_id = DBOS.workflow_id
        assert workflow_id is not None, "called outside a workflow"
        return workflow_id

    def start(
        self,
        *,
        listen: Sequence[str] = queues.NAMES,
        on_recovered: Callable[[list[str]], None],
        on_sweep: Callable[[], None],
    ) -> None:
        """Run workflows of these queues in this process until `stop`.

        `on_recovered` receives the ids of workflows taken over from a dead worker;
        `on_sweep` is called regularly.
        """
        executor_id = new_id()
        config: DBOSConfig = {
            "name": "ragline",
            "system_database_engine": self._database.engine,
            "application_version": APPLICATION_VERSION,
            "executor_id": executor_id,
            "serializer": JsonSerializer(),
            "run_migrations": False,
            "log_level": "WARNING",
            "enable_otlp": False,
            # Nothing here waits for the engine's notifications: looking seldom saves wakes.
            "notification_listener_polling_interval_sec": 1.0,
        }
        DBOS(config=config)
        _share_logging()  # again, since the engine puts its own handler back
        for name, function in self._functions.items():
            self._workflows[name] = DBOS.workflow(
                name=name, max_recovery_attempts=ENGINE_RECOVERY_LIMIT
            )(function)
        DBOS.listen_queues(list(listen))
        poller = queues.Poller(self._database, self._settings, _register_queue)
        self._sweeper = Sweeper(
            self._database,
            executor_id,
            host=socket.gethostname(),
            process=os.getpid(),
            heartbeat_seconds=self._settings.heartbeat_seconds,
            dead_after_seconds=self._settings.dead_after_seconds,
            recover=self._recover,
            on_recovered=on_recovered,
            on_sweep=(poller.tune, on_sweep),
        )
        # A booting worker without a heartbeat would look dead to the others.
        self._sweeper.beat()
        if self._database.is_sqlite:
            # One process owns the data directory: whoever worked here before is dead.
            self._sweeper.bury_others()
        # The engine looks for passed limits as soon as it is launched, before our first sweep.
        self._begin_limits_anew(self._sweeper.dead_owners())
        DBOS.launch()
        poller.tune()
        apply(self._schedules, self._workflows)
        self._sweeper.start()
        log.info("engine.started", executor_id=executor_id, queues=list(listen))

    def _unfinished(self, workflow_ids: list[str]) -> bool:
        still_open = sa.select(workflows.c.workflow_uuid).where(
            workflows.c.workflow_uuid.in_(workflow_ids), workflows.c.status.in_(OPEN)
        )
        with self._database.read() as session:
            return session.scalar(still_open.limit(1)) is not None

    @property
    def is_running(self) -> bool:
        """Whether this process runs workflows."""
        return self._sweeper is not None and self._sweeper.is_alive

    def drain(self) -> None:
        """Let no step begin any more, and give those under way time to end.

        Workflows stop between two steps, to be resumed by another worker or the next start.
        """
        self._steps.close()
        if self._sweeper is not None:
            self._steps.wait_until_empty(self._settings.grace_seconds)

    def stop(self) -> None:
        """Stop taking work and leave what is not done to be resumed."""
        self._steps.close()
        if self._sweeper is None:
            return
        self._steps.wait_until_empty(STOP_SECONDS)
        self._sweeper.stop()
        self._sweeper = None
        DBOS.destroy(destroy_registry=True)

    def _recover(self, executor_ids: list[str]) -> list[str]:
        """Put the work of these executors back into its queues; return the workflow ids."""
        self._begin_limits_anew(executor_ids)
        handles = DBOS._recover_pending_workflows(executor_ids)  # a contract test holds this name
        return [handle.get_workflow_id() for handle in handles]

    def _begin_limits_anew(self, executor_ids: list[str]) -> None:
        """Take back when the work of these executors, and of its children, is to be cut off.

        The time limit is one of working time: it begins anew when the work is taken up, or a
        machine that was off for an hour would lose what it was at.
        """
        if not executor_ids:
            return
        held = sa.select(workflows.c.workflow_uuid).where(
            workflows.c.status == "PENDING", workflows.c.executor_id.in_(executor_ids)
        )
        # Children have no limit of their own, they inherit their parent's moment.
        mine = workflows.c.workflow_uuid.in_(held) | workflows.c.parent_workflow_id.in_(held)
        with self._database.write() as session:
            session.execute(
                sa.update(workflows)
                .where(mine, workflows.c.status.in_(OPEN))
                .values(workflow_deadline_epoch_ms=None)
            )

    def close(self) -> None:
        """Release the client; the database stays open."""
        self._client.destroy()


def _register_queue(name: str, places: int, share: int, poll_seconds: float) -> None:
    DBOS.register_queue(
        name,
        worker_concurrency=places,
        # Each tenant has places of its own, so that nobody's backlog holds up another's work.
        partition_worker_concurrency=share if places else None,
        polling_interval_sec=poll_seconds,
        on_conflict="always_update",
    )


def _share_logging() -> None:
    """Send the engine's log lines through ours instead of its own console handler."""
    logger = logging.getLogger("dbos")
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(logging.WARNING)
    logger.addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Drop tracebacks of failed workflows: `job.failed` says what a job ended with."""
    return "in background workflow" not in record.msg
