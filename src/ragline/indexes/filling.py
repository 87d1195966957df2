"""Filling an index in the background: in small groups, after everything else.

What is there is found again, so that a filling goes on from where it was interrupted, and
takes up what was published meanwhile.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.compute.pool import Owner
from ragline.engine import queues
from ragline.engine.rows import workflows
from ragline.failpoints import failpoint
from ragline.indexes.opening import Index, open_index
from ragline.indexes.passages import FIRST, Coverage, Passage, Place, coverage, lacking
from ragline.indexes.putting import Work, put
from ragline.jobs import service as jobs
from ragline.jobs.turnstile import turnstile_of
from ragline.models import Job, Project, QueueState

# A step's work: its record is small, and a failure is tried again with a fresh count.
PER_STEP = 512
GROUP = 32
REMOTE_GROUP = 128
LOOK_SECONDS = 0.5
# Somebody waits for a filling that was asked for: ingestion that never ends must not stop it.
PATIENCE_SECONDS = 5.0
WAITING_FOR = "ingest"
"""What a filling job waits for while documents are ingested."""
_LOCK = "filling"


def fill(runtime: Runtime, job_id: str, index_id: str, *, is_asked_for: bool = False) -> int:
    """Have an index hold more of the published passages of a job's project; return how many.

    0 means that it lacked none. Groups of passages are embedded one at a time in a process, and
    none while documents are ingested; one that `is_asked_for` then has a group every few seconds.
    A second run embeds nothing again.
    """
    workflow_id = runtime.engine.workflow_id()
    with runtime.database.read() as session:
        job = jobs.open_job(session, job_id, workflow_id)
        project_id = str(job.project_id)
        project = session.get(Project, project_id)
        if project is None or project.deleted_at is not None:
            return 0
    index = open_index(runtime, index_id)
    patience = PATIENCE_SECONDS if is_asked_for else math.inf
    filler = _Filler(runtime, job, workflow_id, index, patience=patience)
    with filler.alone():
        return filler.run(project_id)


class _Filler:
    """One step's work for one index."""

    def __init__(
        self, runtime: Runtime, job: Job, workflow_id: str, index: Index, *, patience: float
    ) -> None:
        self._runtime = runtime
        self._patience = patience
        self._job_id = job.id
        self._workflow_id = workflow_id
        self._index = index
        self._work = Work(
            job_id=job.id,
            owner=Owner(workflow_id, job.tenant_id),
            turnstile=turnstile_of(runtime, job.id, workflow_id),
            fence=self._fence,
        )
        self._counted = Coverage(0, 0)

    def run(self, project_id: str) -> int:
        """Fill until a step's work is done or nothing is lacking."""
        self._note_waiting(None)
        self._count(project_id)
        total, after = 0, FIRST
        limit = GROUP if self._index.embedder.provider is None else REMOTE_GROUP
        while total < PER_STEP and self._next(project_id, after, 1):
            if self._give_way():
                self._count(project_id)
            group = self._next(project_id, after, limit)
            if not group:
                break
            after = group[-1].place
            done = put(self._runtime, self._index, group, self._work)
            total += done
            self._advance(done)
            failpoint("indexes.group_filled")
        return total

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let one filling at a time work in this process: models are large."""
        lock = self._runtime.kept.setdefault(_LOCK, threading.Lock())
        while not lock.acquire(timeout=LOOK_SECONDS):
            self._look()
        try:
            yield
        finally:
            lock.release()

    def _next(self, project_id: str, after: Place, limit: int) -> list[Passage]:
        with self._runtime.database.read() as session:
            return lacking(session, project_id, self._index.id, after=after, limit=limit)

    def _count(self, project_id: str) -> None:
        with self._runtime.database.read() as session:
            self._counted = coverage(session, project_id, self._index.id)
        with self._runtime.database.write() as session:
            # This is no progress yet: a job that gets no further is to be found out.
            job = jobs.open_job(session, self._job_id, self._workflow_id)
            job.progress_done, job.progress_total = self._counted.chunks, self._counted.of

    def _advance(self, done: int) -> None:
        known = self._counted
        self._counted = Coverage(known.chunks + done, max(known.of, known.chunks + done))
        with self._runtime.database.write() as session:
            job = jobs.open_job(session, self._job_id, self._workflow_id)
            jobs.advance(
                session,
                job,
                done=self._counted.chunks,
                total=self._counted.of,
                unit="chunks",
                event="job.progress",
            )

    def _give_way(self) -> bool:
        """Wait, visibly, while documents are ingested or wait for it; return whether it did."""
        if not self._is_busy():
            return False
        self._note_waiting(WAITING_FOR)
        ends = time.monotonic() + self._patience
        while self._is_busy() and time.monotonic() < ends:
            self._runtime.engine.pause(LOOK_SECONDS)
            self._look()
        self._note_waiting(None)
        return True

    def _is_busy(self) -> bool:
        with self._runtime.database.read() as session:
            return ingests(session)

    def _look(self) -> None:
        self._runtime.engine.pause(0)
        with self._runtime.database.read() as session:
            self._fence(session)

    def _fence(self, session: Session) -> None:
        jobs.open_job(session, self._job_id, self._workflow_id)

    def _note_waiting(self, reason: str | None) -> None:
        with self._runtime.database.write() as session:
            jobs.open_job(session, self._job_id, self._workflow_id).waiting_for = reason


def ingests(session: Session) -> bool:
    """Tell whether documents or pictures are worked at, or wait in a queue that is not paused."""
    return session.scalar(_INGESTS) is not None


_paused = sa.select(QueueState.name).where(QueueState.paused_at.is_not(None))
_INGESTS = sa.union_all(
    *(
        sa.select(sa.literal(1)).where(
            sa.exists().where(
                workflows.c.queue_name == name,
                sa.or_(
                    workflows.c.status == "PENDING",
                    sa.and_(workflows.c.status == "ENQUEUED", sa.literal(name).not_in(_paused)),
                ),
            )
        )
        for name in (queues.INGEST, queues.PAGES, queues.IMAGES)
    )
).limit(1)
