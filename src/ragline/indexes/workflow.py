"""Filling a project's further indexes as a job: the better one, and the one before the present.

The job ends when both have all that is published; documents that come meanwhile are taken up.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.compute.pool import Cancelled
from ragline.database import LOCKED
from ragline.engine import queues
from ragline.engine.retry import COMPUTE, LOCAL, cause_of
from ragline.indexes.better import chosen_better
from ragline.indexes.filling import fill
from ragline.indexes.opening import Index, open_index
from ragline.indexes.passages import coverage
from ragline.jobs import service as jobs
from ragline.jobs.undoing import Undoing
from ragline.jobs.wishes import Wishes
from ragline.models import Job, Project, new_id

IMPROVE = "improve"
KIND = "reembed"
# It may wait for its turn, and for ingestions, as long as it takes.
TIMEOUT_SECONDS = 30 * 24 * 3600.0
LAST = Wishes(priority=10_000)


def register(runtime: Runtime) -> None:
    """Make the filling of further indexes known to the engine."""
    runtime.engine.register(IMPROVE, lambda job_id: improve(runtime, job_id))


def improve(runtime: Runtime, job_id: str) -> None:
    """Fill a project's further indexes, or end the job with the reason why not."""
    engine = runtime.engine
    attempt = engine.workflow_id()
    try:
        engine.patiently(jobs.begin, runtime, job_id)
        while index_id := engine.step(next_index, LOCAL, runtime, job_id):
            engine.step(fill, COMPUTE, runtime, job_id, index_id)
    except (jobs.Superseded, Cancelled):
        raise  # whoever superseded or stopped this attempt ends the job
    except Exception as error:
        engine.patiently(give_up, runtime, job_id, cause_of(error), attempt)
        raise


def next_index(runtime: Runtime, job_id: str) -> str | None:
    """Return an index that lacks something; where none does, end the job and return None."""
    workflow_id = runtime.engine.workflow_id()
    with runtime.database.write() as session:
        project = _project_of(session, job_id)
        job = jobs.open_job(session, job_id, workflow_id)
        found = _lacking(runtime, session, project) if project is not None else None
        if found is not None:
            return found
        models = []
        if project is not None:
            _note_filled(project, chosen_better(runtime, session, project))
            models = [open_index(runtime, each).embedder_name for each in _further(project)]
        jobs.complete(session, job, result={"chunks": job.progress_done, "embedders": models})
    return None


def begin(runtime: Runtime, project_id: str) -> str | None:
    """Queue the filling of a project's further indexes where they lack something; return its id.

    At most one job of this kind is open for a project.
    """
    with runtime.database.write() as session:
        project = session.get(Project, project_id, with_for_update=LOCKED)
        if project is None or project.deleted_at is not None:
            return None
        if open_job_of(session, project_id) is not None:
            return None
        better = chosen_better(runtime, session, project)
        if _lacking(runtime, session, project) is None:
            _note_filled(project, better)
            return None
        job = Job(
            id=new_id(),
            tenant_id=project.tenant_id,
            project_id=project.id,
            kind=KIND,
            inputs={"purpose": IMPROVE},
            progress_unit="chunks",
        )
        jobs.accept(
            session,
            runtime,
            job,
            workflow=IMPROVE,
            queue=queues.REEMBED,
            timeout_seconds=TIMEOUT_SECONDS,
            wishes=LAST,
        )
    return job.id


def open_job_of(session: Session, project_id: str) -> str | None:
    """Return the open job that fills an index of a project, if there is one."""
    return session.scalar(_OPEN, {"of_project": project_id})


def give_up(runtime: Runtime, job_id: str, error: BaseException, workflow_id: str) -> None:
    """End an attempt as failed; what it did stays, and nothing is begun anew by itself.

    Only when the project's content changes again, or when somebody retries the job.
    """
    with runtime.database.write() as session:
        project = _project_of(session, job_id)
        if jobs.fail(session, session.get_one(Job, job_id), error, workflow_id) and project:
            project.filled_version = project.content_version


def stop(runtime: Runtime, job: Job) -> dict[str, int]:
    """Leave what a cancelled job did: it is of use, and another would have to do it again."""
    with runtime.database.write() as session:
        project = _project_of(session, job.id)
        if project is not None:
            project.filled_version = project.content_version
    return {}


UNDOING = Undoing(give_up=give_up, remove=stop, steps=("fill", "next_index"))


def _project_of(session: Session, job_id: str) -> Project | None:
    project_id = session.scalar(sa.select(Job.project_id).where(Job.id == job_id))
    if project_id is None:
        return None
    project = session.get(Project, project_id, with_for_update=LOCKED, populate_existing=True)
    return None if project is None or project.deleted_at is not None else project


def _lacking(runtime: Runtime, session: Session, project: Project) -> str | None:
    for index_id in _further(project):
        index = open_index(runtime, index_id, session=session)
        if not index.unusable and not coverage(session, project.id, index_id).is_complete:
            return index_id
    return None


def _note_filled(project: Project, better: Index | None) -> None:
    """Note that nothing is lacking, unless it is the better model that is lacking here."""
    if better is not None or project.better_index_id is None:
        project.filled_version = project.content_version


def _further(project: Project) -> list[str]:
    """Return the indexes that are kept complete beside the one a project is searched in."""
    given = (project.better_index_id, project.previous_index_id)
    return [each for each in given if each is not None and each != project.index_id]


_OPEN = (
    sa.select(Job.id)
    .where(Job.project_id == sa.bindparam("of_project"), Job.kind == KIND, Job.outcome.is_(None))
    .limit(1)
)
