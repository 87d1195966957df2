"""Stopping the child processes of jobs that are not to go on.

A step notices at its own end that its job was cancelled or passed its time limit; a child
that is at work for it may take much longer, so it is killed.
"""

from __future__ import annotations

import threading

import sqlalchemy as sa
import structlog

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
        """Kill the children of attempts that are not to go on; return their workflows' ids."""
        at_work = set(self._runtime.compute.owners())
        if not at_work:
            return []
        with self._runtime.database.read() as session:
            unwanted = at_work.difference(session.scalars(_WANTED, {"ids": list(at_work)}))
        for workflow_id in unwanted:
            self._runtime.compute.cancel(workflow_id)
        return list(unwanted)

    def _run(self) -> None:
        while not self._stopping.wait(self._runtime.settings.cancel_look_seconds):
            try:
                self.look()
            # The database may be away for a while; without this thread nothing is cancelled.
            except Exception as error:  # noqa: BLE001 # see above
                log.warning("cancel_watch.failed", error=str(error)[:200])


# An attempt that another one took over is in no job's row any more.
_WANTED = (
    sa.select(Job.workflow_id)
    .join(workflows, workflows.c.workflow_uuid == Job.workflow_id)
    .where(
        Job.workflow_id.in_(sa.bindparam("ids", expanding=True)),
        Job.outcome.is_(None),
        Job.cancel_requested_at.is_(None),
        workflows.c.status.in_(OPEN),
    )
)
