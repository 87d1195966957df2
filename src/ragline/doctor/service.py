"""The doctor: looking at everything, and beginning a repair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import sqlalchemy as sa

from ragline.accounts.service import FIRST_TENANT
from ragline.bootstrap import Runtime
from ragline.doctor import files, products, rows, setup, vectors
from ragline.doctor.differences import Difference
from ragline.doctor.looked import Looked
from ragline.doctor.schemas import MOST_DIFFERENCES, Diagnosis, DifferenceView, RepairAccepted
from ragline.doctor.workflow import KIND, REPAIR, TIMEOUT_SECONDS
from ragline.engine import queues
from ragline.errors import Conflict, NotFound
from ragline.jobs import service as jobs
from ragline.jobs.reading import get_job
from ragline.models import Job, Project, Tenant, new_id


def diagnose(runtime: Runtime, *, project_id: str | None = None) -> Diagnosis:
    """Compare rows, files and vectors, of one project or of everything; nothing is changed.

    Raises `NotFound` where there is no such project.
    """
    looked = Looked()
    found: list[DifferenceView] = []
    total = 0
    for difference in look(runtime, looked, project_id=project_id):
        total += 1
        if len(found) < MOST_DIFFERENCES:
            found.append(DifferenceView(**asdict(difference)))
    return Diagnosis(healthy=not total, looked=asdict(looked), total=total, differences=found)


def look(
    runtime: Runtime, looked: Looked, *, project_id: str | None = None
) -> Iterator[Difference]:
    """Go through all differences; of one project only its indexes are looked at."""
    if project_id is not None:
        with runtime.database.read() as session:
            project = session.get(Project, project_id)
        if project is None or project.deleted_at is not None:
            raise NotFound(f"There is no project with the id {project_id!r}.")
        yield from vectors.look(runtime, looked, project_id=project_id)
        return
    yield from setup.look(runtime)
    yield from rows.look(runtime)
    yield from vectors.look(runtime, looked)
    yield from products.look(runtime, looked)
    yield from files.look(runtime, looked)


def begin_repair(runtime: Runtime, *, project_id: str | None = None) -> RepairAccepted:
    """Queue a repair for the operators' tenant; return the one that is open if there is one.

    Raises `Conflict` before the first tenant was made.
    """
    with runtime.database.write() as session:
        tenant_id = session.scalar(sa.select(Tenant.id).where(Tenant.name == FIRST_TENANT))
        if tenant_id is None:
            raise Conflict("Nobody has used this server yet: there is nothing to repair.")
        runtime.database.lock(session, REPAIR)
        job_id = session.scalar(_OPEN)
        if job_id is None:
            job_id = new_id()
            job = Job(
                id=job_id,
                tenant_id=tenant_id,
                kind=KIND,
                inputs={"project_id": project_id},
                progress_unit="steps",
            )
            jobs.accept(
                session,
                runtime,
                job,
                workflow=REPAIR,
                queue=queues.DEFAULT,
                timeout_seconds=TIMEOUT_SECONDS,
            )
    return RepairAccepted(job=get_job(runtime, tenant_id, job_id))


_OPEN = (
    sa.select(Job.id)
    .where(Job.kind == KIND, Job.workflow == REPAIR, Job.outcome.is_(None))
    .limit(1)
)
