"""Building a project's products again for another model: one job, a child a product.

It goes through the products in the order of their ids; the position is kept with the children.
"""

from __future__ import annotations

import sqlalchemy as sa

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.documents.schemas import TakenFile
from ragline.engine.retry import LOCAL, cause_of
from ragline.http.idempotency import Once, once
from ragline.images.renewing import count_products, renew_some
from ragline.images.service import refuse_without_model
from ragline.imports import taking
from ragline.imports.schemas import ImportAccepted
from ragline.imports.taking import Batch
from ragline.jobs import service as jobs
from ragline.jobs.views import fresh_view
from ragline.jobs.wishes import Wishes
from ragline.models import Job, JobTag, new_id

REINDEX_PRODUCTS = "reindex_products"
PRODUCTS_AT_ONCE = 100


def register(runtime: Runtime) -> None:
    """Make the workflow known to the engine."""
    runtime.engine.register(REINDEX_PRODUCTS, lambda job_id: run(runtime, job_id))


def accept_reindexing(
    runtime: Runtime, caller: Caller, project_id: str, *, key: str | None = None
) -> ImportAccepted:
    """Queue the building anew of products whose vectors are an earlier model's.

    Raises `NotFound` without the project, and `NoImageModel` where no model is set.
    """
    refuse_without_model(runtime)

    def make() -> ImportAccepted:
        with runtime.database.write() as session:
            project = owned_project(session, caller.tenant_id, project_id)
            job = Job(
                id=new_id(),
                tenant_id=caller.tenant_id,
                project_id=project.id,
                kind="import",
                progress_unit="products",
                inputs={"reindex": True},
            )
            source = {"reindex": True}
            taking.accept_import(session, runtime, job, workflow=REINDEX_PRODUCTS, source=source)
        return ImportAccepted(job=fresh_view(job))

    request = Once(caller.tenant_id, key, ("reindex products", project_id))
    return once(runtime.database, request, ImportAccepted, make)


def run(runtime: Runtime, job_id: str) -> None:
    """Begin a job for each product that needs one, or end the job with the reason why not."""
    engine = runtime.engine
    attempt = engine.workflow_id()
    try:
        engine.patiently(jobs.begin, runtime, job_id)
        while engine.step(_take_some, LOCAL, runtime, job_id, attempt):
            pass
        engine.step(taking.finish, LOCAL, runtime, job_id, attempt)
    except jobs.Superseded:
        raise  # whoever superseded this attempt ends the job
    except Exception as error:
        engine.patiently(jobs.give_up, runtime, job_id, cause_of(error), attempt)
        raise


def _take_some(runtime: Runtime, job_id: str, workflow_id: str) -> bool:
    """Take the next products; return whether there are more. A second run goes on behind them."""
    return taking.with_room(
        runtime, job_id, workflow_id, lambda: _write(runtime, job_id, workflow_id)
    )


def _write(runtime: Runtime, job_id: str, workflow_id: str) -> bool:
    before = taking.position(runtime, job_id)
    with runtime.database.write() as session:
        job = session.get_one(Job, job_id)
        if before is None:
            job.progress_total = count_products(runtime, str(job.project_id))
        tags = session.scalars(sa.select(JobTag.tag).where(JobTag.job_id == job_id)).all()
        renewed = renew_some(
            runtime,
            job,
            before["after"] if before else "",
            limit=min(PRODUCTS_AT_ONCE, max(1, runtime.settings.max_backlog // 2)),
            wishes=Wishes(job.priority, None, tuple(tags)),
        )
        if renewed.last is None:
            return False
        told = [
            TakenFile(
                filename="",
                external_id=None,
                document_id=each.image_id,
                change=each.change,
                job_id=each.job.id if each.job else None,
            )
            for each in renewed.taken
        ]
        unchanged = renewed.looked_at - len(told)
        batch = Batch([], before, {"after": renewed.last})
        taking.move_on(session, job_id, workflow_id, batch, told, [], passed_over=unchanged)
    return True
