"""Heartbeats of workers, and taking over the work of dead ones.

The engine leaves a dead executor's work claimed for ever; here any live worker sees
that its heartbeat stopped and puts the work back into its queue, which is safe to do
twice: the row is changed only while it still names the dead executor.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from ragline.database import Database
from ragline.engine.rows import workflows
from ragline.failpoints import failpoint
from ragline.models import Executor

log = structlog.get_logger()


def shared_now(session: Session) -> float:
    """Return the seconds since 1970 by the clock that all workers share: the database's.

    By its own clock, a worker on a machine that is a minute ahead would take all others for dead.
    """
    if session.get_bind().dialect.name == "sqlite":
        return time.time()  # all its processes are on one machine
    return float(session.execute(_POSTGRESQL_NOW).scalar_one())


_POSTGRESQL_NOW = sa.select(sa.extract("epoch", sa.func.clock_timestamp()))


@dataclass
class Sweeper:
    """A thread that beats, looks for the dead, and lets others look too."""

    database: Database
    executor_id: str
    host: str
    process: int
    heartbeat_seconds: float
    dead_after_seconds: float
    recover: Callable[[list[str]], list[str]]
    on_recovered: Callable[[list[str]], None]
    on_sweep: Sequence[Callable[[], object]]
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def bury_others(self) -> None:
        """Forget all other workers, so that the next sweep takes over what they held."""
        with self.database.write() as session:
            session.execute(sa.delete(Executor).where(Executor.id != self.executor_id))

    def beat(self) -> None:
        """Write this worker's heartbeat."""
        with self.database.write() as session:
            now = shared_now(session)  # after the wait for the writers' lock, which may be long
            updated = session.execute(
                sa.update(Executor).where(Executor.id == self.executor_id).values(heartbeat=now)
            )
            if updated.rowcount == 0:  # type: ignore[attr-defined]  # an UPDATE has a row count
                session.add(
                    Executor(
                        id=self.executor_id,
                        host=self.host,
                        process=self.process,
                        started=now,
                        heartbeat=now,
                    )
                )

    def sweep(self) -> list[str]:
        """Put the work of dead workers back into its queues; return the workflow ids."""
        dead = self.dead_owners()
        if not dead:
            return []
        failpoint("sweep.found_dead")
        recovered = self.recover(dead)
        failpoint("sweep.recovered")
        if recovered:
            log.warning("work.recovered", executors=dead, workflows=len(recovered))
            self.on_recovered(recovered)
        return recovered

    def start(self) -> None:
        """Beat and sweep in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """End the thread; the worker then counts as dead, and its work is taken over."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        with self.database.write() as session:
            session.execute(sa.delete(Executor).where(Executor.id == self.executor_id))

    def dead_owners(self) -> list[str]:
        """Return the executors that hold work but show no sign of life."""
        with self.database.read() as session:
            alive = sa.select(Executor.id).where(
                Executor.heartbeat > shared_now(session) - self.dead_after_seconds
            )
            owners = (
                sa.select(workflows.c.executor_id)
                .where(
                    workflows.c.status == "PENDING",
                    workflows.c.executor_id != self.executor_id,
                    workflows.c.executor_id.not_in(alive),
                )
                .distinct()
            )
            return list(session.scalars(owners))

    def _run(self) -> None:
        while True:
            for duty in (self.beat, self.sweep, *self.on_sweep):
                # What fails now, the database or the index, is tried again at the next beat;
                # this thread must outlive all of it, or the worker would count as dead.
                try:
                    duty()
                except Exception as error:  # noqa: BLE001 # see above
                    log.warning("sweep.failed", duty=duty.__name__, error=repr(error))
            if self._stopping.wait(self.heartbeat_seconds):
                return
