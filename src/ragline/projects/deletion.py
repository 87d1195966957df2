"""Deleting a project: hidden at once, removed by a job, receipt in the job's result."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa
from pydantic import BaseModel

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.documents.deletion import count_kept, remove_files, remove_rows
from ragline.engine import queues
from ragline.engine.retry import LOCAL, cause_of
from ragline.errors import Conflict
from ragline.images import deletion as products
from ragline.images.removal import remove_left
from ragline.indexes.opening import of_project
from ragline.jobs import service as jobs
from ragline.jobs.schemas import JobView
from ragline.jobs.undoing import Undoing
from ragline.jobs.views import fresh_view
from ragline.models import Document, Job, Project, new_id, now

DELETE_PROJECT = "delete_project"
DOCUMENTS_PER_STEP = 50
# A project that is half deleted helps nobody, so its deletion is given all the time it needs.
TIMEOUT_SECONDS = 7 * 24 * 3600


class DeletionAccepted(BaseModel):
    """The job that removes a project."""

    job: JobView


def register(runtime: Runtime) -> None:
    """Make the deletion of projects known to the engine."""
    runtime.engine.register(DELETE_PROJECT, lambda job_id: delete_project(runtime, job_id))


def accept_deletion(runtime: Runtime, caller: Caller, project_id: str) -> DeletionAccepted:
    """Hide a project for good and queue the removal of all it holds."""
    with runtime.database.write() as session:
        project = owned_project(session, caller.tenant_id, project_id)
        project.deleted_at = now()
        # The name is free again at once.
        project.name = f"{project.name[:150]} (deleted {project.id})"
        job = Job(
            id=new_id(),
            tenant_id=caller.tenant_id,
            project_id=project.id,
            kind="delete",
            progress_unit="documents",
        )
        jobs.accept(
            session,
            runtime,
            job,
            workflow=DELETE_PROJECT,
            queue=queues.DEFAULT,
            timeout_seconds=TIMEOUT_SECONDS,
        )
        view = fresh_view(job)
    return DeletionAccepted(job=view)


def delete_project(runtime: Runtime, job_id: str) -> None:
    """Remove documents in groups, then the project; a second run removes what is left."""
    engine = runtime.engine
    attempt = engine.workflow_id()
    try:
        engine.patiently(jobs.begin, runtime, job_id)
        while engine.step(_remove_some, LOCAL, runtime, job_id):
            pass
        while engine.step(_remove_some_products, LOCAL, runtime, job_id):
            pass
        engine.step(_finish, LOCAL, runtime, job_id)
    except jobs.Superseded:
        raise
    except Exception as error:
        engine.patiently(jobs.give_up, runtime, job_id, cause_of(error), attempt)
        raise


def _remove_some(runtime: Runtime, job_id: str) -> int:
    """Remove some documents and return how many, 0 when none are left.

    The receipt grows in the transaction of the removal, so that it counts each row once.
    """
    with runtime.database.write() as session:
        job = jobs.open_job(session, job_id, runtime.engine.workflow_id())
        documents = list(
            session.scalars(
                sa.select(Document)
                .where(Document.project_id == job.project_id)
                .order_by(Document.id)
                .limit(DOCUMENTS_PER_STEP)
            )
        )
        if not documents:
            return 0
        traces, rows = remove_rows(session, documents)
        removed = Counter(job.result or {})
        removed.update(rows)
        job.result = dict(removed)
        jobs.advance(
            session,
            job,
            done=job.progress_done + len(documents),
            total=None,
            unit="documents",
            event="job.progress",
        )
    removed["files"] += remove_files(runtime, traces)
    removed["remaining"] += sum(count_kept(runtime, traces).values())
    with runtime.database.write() as session:
        job = jobs.open_job(session, job_id, runtime.engine.workflow_id())
        job.result = dict(removed)
    return len(documents)


def _remove_some_products(runtime: Runtime, job_id: str) -> int:
    """Remove some products and return how many, 0 when none are left."""
    with runtime.database.write() as session:
        job = jobs.open_job(session, job_id, runtime.engine.workflow_id())
        counted, left = products.remove_some(session, str(job.project_id), limit=DOCUMENTS_PER_STEP)
        if not counted["products"]:
            return 0
        before = job.result or {}
        job.result = before | {name: before.get(name, 0) + n for name, n in counted.items()}
        jobs.advance(
            session,
            job,
            done=job.progress_done + counted["products"],
            total=None,
            unit="documents",
            event="job.progress",
        )
    remove_left(runtime, left)
    return counted["products"]


def _finish(runtime: Runtime, job_id: str) -> None:
    """Remove the vectors and the project itself, and write the receipt."""
    with runtime.database.read() as session:
        project_id = str(session.get_one(Job, job_id).project_id)
    indexes = list(of_project(runtime, project_id))
    vectors = sum(index.store.delete_project(project_id) for index in indexes)
    vectors += products.remove_vectors(runtime, project_id)
    answers = runtime.answer_cache.forget(project_id)
    remaining = {
        "vectors": sum(index.store.count(project_id=project_id) for index in indexes),
        "cached_answers": runtime.answer_cache.forget(project_id),
    }
    with runtime.database.write() as session:
        job = jobs.open_job(session, job_id, runtime.engine.workflow_id())
        session.execute(sa.delete(Project).where(Project.id == project_id))
        removed = {
            "documents": 0,
            **(job.result or {}),
            "vectors": vectors,
            "cached_answers": answers,
        }
        remaining["rows_and_files"] = removed.pop("remaining", 0)
        jobs.complete(session, job, result={"removed": removed, "remaining": remaining})


def _cannot_remove(_runtime: Runtime, job: Job) -> dict[str, int]:
    raise Conflict(f"The deletion {job.id} cannot be cancelled.")


UNDOING = Undoing(give_up=jobs.give_up, remove=_cannot_remove)
