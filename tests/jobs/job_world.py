"""A runtime whose workers are moved by hand: no thread, no clock, one act at a time.

All acts go through the functions that routes, workflows and the sweeper call; of the engine only
its loops are left out, and its rows are changed as those loops change them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dbos._error import DBOSWorkflowConflictIDError
from sqlalchemy.orm import Session
from tests.jobs.job_parts import PROJECT, STEPS, TENANT, HandDriven, leave, next_version

from ragline import bootstrap, worker
from ragline.bootstrap import Runtime
from ragline.engine.rows import inputs, operations, workflows
from ragline.engine.sweeper import Sweeper
from ragline.errors import UnreadableFile
from ragline.http.idempotency import Once, once
from ragline.ingestion.carry_over import carry_over
from ragline.ingestion.index import publish
from ragline.ingestion.subject import load_subject
from ragline.jobs import control, sweeping, undoing
from ragline.jobs import service as jobs
from ragline.jobs.reading import JobFilter, get_job, list_jobs
from ragline.jobs.schemas import JobView
from ragline.jobs.views import fresh_view
from ragline.jobs.wishes import Wishes
from ragline.models import (
    Base,
    Chunk,
    Document,
    Event,
    Executor,
    Job,
    Project,
    Tenant,
    now,
)
from ragline.settings import load_settings

MAX_IDLE_STARTS = 2
AN_HOUR = timedelta(hours=1)
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Order:
    """A job as a client asks for it."""

    id: str
    queue: str
    kind: str = "ingest"
    priority: int = 100
    delayed: bool = False
    document_id: str | None = None
    parent_id: str | None = None

    @property
    def wishes(self) -> Wishes:
        """What is asked for, as services take it."""
        return Wishes(self.priority, now() + AN_HOUR if self.delayed else None)


@dataclass(frozen=True, slots=True)
class Run:
    """One worker at one workflow; `token` names the worker and proves that the work is its own."""

    token: str
    flow: str
    job: str


class World:
    """One database with all that acts on it; a test may override a part to plant a fault."""

    def __init__(self, name: str, data_dir: Path, **settings: Any) -> None:
        self.name = name
        loaded = load_settings(
            _env_file=None,
            data_dir=data_dir,
            vector_store="qdrant_edge",
            max_idle_starts=MAX_IDLE_STARTS,
            **settings,
        )
        self.runtime: Runtime = bootstrap.build(loaded)
        self.runtime.engine.close()
        self.engine = self.runtime.engine = HandDriven(self.runtime.database, loaded)
        self.database = self.runtime.database
        self._sweeper = Sweeper(
            self.database,
            "sweeper",
            host="here",
            process=1,
            heartbeat_seconds=1,
            dead_after_seconds=60,
            recover=self.engine.recover,
            on_recovered=lambda ids: sweeping.note_recovered(self.runtime, ids),
            on_sweep=(),
        )

    def close(self) -> None:
        """Release everything."""
        self.runtime.close()

    def empty(self) -> None:
        """Begin anew, with a tenant that has a project."""
        self.runtime.kept.clear()
        with self.database.write() as session:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(sa.delete(table))
            session.execute(sa.delete(workflows))
            session.execute(sa.delete(inputs))
            session.execute(sa.delete(operations))
            session.add(Tenant(id=TENANT, name="someone"))
            session.flush()
            session.add(Project(id=PROJECT, tenant_id=TENANT, name="library"))

    # What clients ask for

    def accept(self, order: Order, key: str | None, asked: tuple[Any, ...]) -> str:
        """Accept a job, once under its key; return its id."""

        def make() -> JobView:
            with self.database.write() as session:
                return fresh_view(self._accept(session, order))

        return once(self.database, Once(TENANT, key, asked), JobView, make).id

    def accept_parent(self, parent: Order, children: Sequence[Order]) -> None:
        """Accept a job of several."""
        with self.database.write() as session:
            job = Job(
                id=parent.id,
                tenant_id=TENANT,
                project_id=PROJECT,
                kind="import",
                progress_unit="documents",
                progress_total=len(children),
            )
            jobs.accept_parent(session, job, wishes=parent.wishes)
            for child in children:
                self._accept(session, child)

    def cancel(self, job_id: str) -> None:
        """Cancel a job."""
        control.cancel(self.runtime, TENANT, job_id)

    def retry(self, job_id: str) -> None:
        """Retry a job."""
        control.retry(self.runtime, TENANT, job_id)

    def dismiss(self, job_id: str) -> None:
        """Dismiss a job."""
        control.dismiss(self.runtime, TENANT, job_id)

    # What the engine does

    def let_time_come(self) -> None:
        """Let an hour pass for all that waits for a moment."""
        with self.database.write() as session:
            session.execute(
                sa.update(Job).where(Job.not_before.is_not(None)).values(not_before=BEGINNING)
            )
            session.execute(
                sa.update(workflows)
                .where(workflows.c.status == "DELAYED")
                .values(delay_until_epoch_ms=1)
            )
        self.engine.rows.transition_delayed_workflows()

    def claim(self, run: Run) -> int:
        """Take a workflow from its queue for a worker of its own; return how many there were."""
        with self.database.write() as session:
            beat = time.time() + 9999
            session.add(Executor(id=run.token, host="h", process=1, started=0, heartbeat=beat))
            claimed = session.execute(
                sa.update(workflows)
                .where(workflows.c.workflow_uuid == run.flow, workflows.c.status == "ENQUEUED")
                .values(status="PENDING", executor_id=run.token, owner_xid=run.token)
            )
            return int(claimed.rowcount)  # type: ignore[attr-defined]  # an UPDATE has one

    def store_step(self, run: Run, number: int, name: str, *, failed: bool) -> bool:
        """Store that a step ended; return False where the work is another worker's by now."""
        row = {
            "workflow_uuid": run.flow,
            "function_id": number,
            "function_name": name,
            "started_at_epoch_ms": 1,
            "output": None if failed else "1",
            "error": "it broke" if failed else None,
            "serialization": None,
            "child_workflow_id": None,
        }
        try:
            self.engine.rows.record_operation_result(row, owner_xid=run.token)
        except DBOSWorkflowConflictIDError:
            return False
        return True

    def end_workflow(self, run: Run, status: str) -> bool:
        """Let the engine note a workflow's end; return whether it was this worker's to end."""
        return bool(self.engine.rows.update_workflow_outcome(run.flow, status, owner_xid=run.token))

    def time_out(self, flow: str) -> list[str]:
        """Let a workflow pass its time limit; return those that the engine ended."""
        with self.database.write() as session:
            limit = workflows.c.workflow_deadline_epoch_ms
            mine = sa.update(workflows).where(workflows.c.workflow_uuid == flow)
            session.execute(mine.values({limit: 1}))
        return list(self.engine.rows.cancel_timed_out_workflows(10))

    # What workers do

    def begin(self, run: Run) -> None:
        """Begin an attempt or take it up again."""
        self.engine.running = run.flow
        jobs.begin(self.runtime, run.job)
        if self._document_of(run) is not None:
            carry_over(self.runtime, run.job)

    def step(self, run: Run, name: str) -> None:
        """Do a step's work, in the transaction that also notes the progress."""
        self.engine.running = run.flow
        with self.database.write() as session:
            job = self.open_job(session, run)
            if job.document_id is not None:
                leave(session, job, name)
            done = 1 + STEPS.index(name)
            event = "page.done" if name == "read_batch" else "job.progress"
            jobs.advance(session, job, done=done, total=len(STEPS), unit="steps", event=event)

    def open_job(self, session: Session, run: Run) -> Job:
        """Return the job for a change by a run."""
        return jobs.open_job(session, run.job, run.flow)

    def complete(self, run: Run) -> bool:
        """Publish what a run built and end its job; return whether it was the one to do so."""
        self.engine.running = run.flow
        if self._document_of(run) is not None:
            return publish(self.runtime, load_subject(self.runtime, run.job), run.flow) is not None
        with self.database.write() as session:
            job = session.get_one(Job, run.job)
            if not jobs.is_current(session, job, run.flow):
                return False
            jobs.complete(session, job, result={})
        return True

    def fail(self, run: Run) -> None:
        """End a run's attempt with a reason."""
        error = UnreadableFile("It cannot be read.")
        with self.database.read() as session:
            kind = session.get_one(Job, run.job).kind
        worker.UNDOINGS[kind].give_up(self.runtime, run.job, error, run.flow)

    def undo(self, run: Run) -> None:
        """Undo the attempt that a run was enqueued for."""
        target = run.flow.removesuffix("-undo")
        undoing.undo_attempt(self.runtime, worker.UNDOINGS, run.job, target)

    def die(self, run: Run) -> None:
        """Let a worker's heartbeat stop; what it is at may still be written."""
        with self.database.write() as session:
            session.execute(sa.delete(Executor).where(Executor.id == run.token))

    # What every worker looks after

    def sweep(self) -> list[str]:
        """Take over the work of the dead; return the workflows."""
        return sorted(self._sweeper.sweep())

    def settle(self) -> None:
        """End what the engine ended alone."""
        sweeping.settle(self.runtime, worker.UNDOINGS)

    # What is seen

    def views(self) -> list[JobView]:
        """Return all jobs as clients see them, newest first."""
        return list_jobs(self.runtime, TENANT, JobFilter(), limit=500, after=None)[0]

    def listed(self, status: str) -> list[str]:
        """Return the jobs that are listed with a status."""
        wanted = JobFilter(status=status)
        return [job.id for job in list_jobs(self.runtime, TENANT, wanted, limit=500, after=None)[0]]

    def view(self, job_id: str) -> JobView:
        """Return a job as clients see it alone."""
        return get_job(self.runtime, TENANT, job_id)

    def events(self) -> dict[str, list[tuple[int, str, dict[str, Any]]]]:
        """Return the events of each job by number, and check what the job's row says of them."""
        found: dict[str, list[tuple[int, str, dict[str, Any]]]] = {}
        columns = Event.job_id, Event.number, Event.type, Event.details
        with self.database.read() as session:
            rows = session.execute(sa.select(*columns).order_by(Event.job_id, Event.number))
            for job_id, *event in rows:
                found.setdefault(job_id, []).append((event[0], event[1], event[2]))
            last = dict(session.execute(sa.select(Job.id, Job.last_event)).all())
        assert last == {job_id: events[-1][0] for job_id, events in found.items()}
        return found

    def published(self) -> dict[str, tuple[int | None, int]]:
        """Return each document's published version with the number of its passages."""
        with self.database.read() as session:
            rows = session.execute(
                sa.select(Document.id, Document.published_version, sa.func.count(Chunk.id))
                .outerjoin(
                    Chunk,
                    sa.and_(
                        Chunk.document_id == Document.id,
                        Chunk.version == Document.published_version,
                    ),
                )
                .group_by(Document.id, Document.published_version)
            )
            return {document: (version, count) for document, version, count in rows}

    def _accept(self, session: Session, order: Order) -> Job:
        version = None
        if order.document_id is not None:
            version = next_version(session, order.document_id)
        job = Job(
            id=order.id,
            tenant_id=TENANT,
            project_id=PROJECT,
            parent_id=order.parent_id,
            document_id=order.document_id,
            version=version,
            kind=order.kind,
        )
        jobs.accept(
            session,
            self.runtime,
            job,
            workflow=order.kind,
            queue=order.queue,
            timeout_seconds=60,
            wishes=order.wishes,
        )
        return job

    def _document_of(self, run: Run) -> str | None:
        with self.database.read() as session:
            return session.get_one(Job, run.job).document_id


@contextmanager
def opened(world: World) -> Iterator[World]:
    """Give a world; it is closed at the end of the block."""
    try:
        yield world
    finally:
        world.close()
