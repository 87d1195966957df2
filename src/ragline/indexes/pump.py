"""What has projects get their further vectors: a look, every few seconds, at what has changed."""

from __future__ import annotations

import threading

import sqlalchemy as sa
import structlog

from ragline.bootstrap import Runtime
from ragline.errors import RaglineError
from ragline.indexes.better import may_have_better
from ragline.indexes.workflow import KIND, begin
from ragline.models import Job, Project

AT_ONCE = 50
log = structlog.get_logger()


class FillingPump:
    """A thread that queues filling jobs of projects; several workers may each have one.

    Projects that can get nothing, as where the better model's package is missing, are looked at
    again when their content changes, or after the next start.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="filling-pump", daemon=True)
        self._passed: dict[str, int] = {}
        self._after = ""

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join()

    def look(self) -> list[str]:
        """Queue what some projects need, and return the ids of the jobs; the next look goes on."""
        with self._runtime.database.read() as session:
            projects = session.scalars(_CHANGED, {"after": self._after}).all()
        self._after = projects[-1].id if len(projects) == AT_ONCE else ""
        begun = [begin(self._runtime, each.id) for each in projects if self._is_due(each)]
        return [each for each in begun if each is not None]

    def _is_due(self, project: Project) -> bool:
        if self._passed.get(project.id) == project.content_version:
            return False
        self._passed[project.id] = project.content_version
        if project.previous_index_id is not None:
            return True
        return may_have_better(self._runtime, project)

    def _run(self) -> None:
        while not self._stopping.wait(self._runtime.settings.better_look_seconds):
            try:
                self.look()
            except RaglineError as error:
                self._passed.clear()
                log.info("filling.put_off", reason=error.message)
            # The database may be away for a while; without this thread nothing gets better.
            except Exception as error:  # noqa: BLE001 # see above
                self._passed.clear()
                log.warning("filling_pump.failed", error=str(error)[:200])


_open = sa.exists().where(Job.project_id == Project.id, Job.kind == KIND, Job.outcome.is_(None))
_CHANGED = (
    sa.select(Project)
    .where(
        Project.id > sa.bindparam("after"),
        Project.deleted_at.is_(None),
        Project.content_version > 0,
        Project.content_version.is_distinct_from(Project.filled_version),
        ~_open,
    )
    .order_by(Project.id)
    .limit(AT_ONCE)
)
