"""Stopping the child processes of jobs that are not to go on.

A step notices at its own end that its job was cancelled or passed its time limit; a child
that is at work for it may take much longer, so it is killed.
"""

from __future__ import annotations

import threading

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError

from ragline.bootstrap import Runtime
from ragline.engine.rows import OPEN, workflows
from ragline.models import Job

log = structlog.get_logger()


class CancelWatch:
    """A thread that looks, while children are at work, whether their jobs still want it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cancel-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join()

    def look(self) -> list[str]:
        """Kill the children of jobs that are not to go on; return these jobs' ids."""
        at_work = self._runtime.compute.owners()
        if not at_work:
            return []
        with self._runtime.database.read() as session:
            unwanted = list(session.scalars(_UNWANTED, {"ids": at_work}))
        for job_id in unwanted:
            self._runtime.compute.cancel(job_id)
        return unwanted

    def _run(self) -> None:
        while not self._stopping.wait(self._runtime.settings.cancel_look_seconds):
            try:
                self.look()
            except SQLAlchemyError as error:
                log.warning("cancel_watch.failed", error=str(error)[:200])


_UNWANTED = (
    sa.select(Job.id)
    .outerjoin(workflows, workflows.c.workflow_uuid == Job.workflow_id)
    .where(
        Job.id.in_(sa.bindparam("ids", expanding=True)),
        sa.or_(
            Job.outcome.is_not(None),
            Job.cancel_requested_at.is_not(None),
            workflows.c.status.not_in(OPEN),
        ),
    )
)
