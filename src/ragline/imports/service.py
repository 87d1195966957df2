"""Accepting imports: the job, its files and its place in the queue in one transaction."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.http.idempotency import Once, once
from ragline.images.service import refuse_without_model
from ragline.imports.receiving import Received, forget
from ragline.imports.schemas import ImportAccepted
from ragline.imports.taking import accept_import
from ragline.imports.workflow import IMPORT, IMPORT_PRODUCTS
from ragline.ingestion.files import ensure_files
from ragline.ingestion.tidying import refuse_unable
from ragline.jobs.views import fresh_view
from ragline.jobs.wishes import Wishes
from ragline.models import Job, new_id


def require_project(runtime: Runtime, caller: Caller, project_id: str) -> None:
    """Raise `NotFound` before much is done where the caller has no such project."""
    with runtime.database.read() as session:
        owned_project(session, caller.tenant_id, project_id)


def accept(
    runtime: Runtime,
    caller: Caller,
    project_id: str,
    received: Received,
    *,
    wishes: Wishes,
    key: str | None,
    clean: bool | None = None,
    products: bool = False,
) -> ImportAccepted:
    """Queue an import; what was received for nothing, such as a repetition, is removed.

    `clean` says whether a model repairs passages of what is ingested. With `products` the rows
    of tables become products with the pictures they name.

    Raises:
        InvalidInput: passages are to be repaired, and no model here can.
        NotFound: the caller has no such project.
        Overloaded: the backlog is full.
        KeyReused: the idempotency key was used for another request.
    """
    received = replace(received, source=_source(received, clean=clean, products=products))
    asked = (
        "import",
        project_id,
        dict(received.source),
        [[file.role, file.name, file.blob.content_hash] for file in received.files],
        asdict(wishes),
    )
    made: list[str] = []

    def make() -> ImportAccepted:
        refuse_unable(runtime, clean)
        if products:
            refuse_without_model(runtime)
        job = _accept(runtime, caller, project_id, received, wishes)
        made.append(job.id)
        return ImportAccepted(job=fresh_view(job, tags=list(wishes.tags)))

    try:
        answer = once(runtime.database, Once(caller.tenant_id, key, asked), ImportAccepted, make)
    except BaseException:
        forget(runtime, received.files)
        raise
    if not made:
        forget(runtime, received.files)
    return answer


def _source(received: Received, *, clean: bool | None, products: bool) -> dict[str, Any]:
    """Return what is kept of an import; what is as usual is not said."""
    source = dict(received.source)
    if clean is not None:
        source["clean"] = clean
    if products:
        source["products"] = True
    return source


def _accept(
    runtime: Runtime, caller: Caller, project_id: str, received: Received, wishes: Wishes
) -> Job:
    with runtime.database.write() as session:
        project = owned_project(session, caller.tenant_id, project_id)
        ensure_files(runtime, session, [(file.blob, file.stream) for file in received.files])
        job = Job(
            id=new_id(),
            tenant_id=caller.tenant_id,
            project_id=project.id,
            kind="import",
            progress_unit="products" if received.source.get("products") else "documents",
            inputs=dict(received.source),
        )
        accept_import(
            session,
            runtime,
            job,
            workflow=IMPORT_PRODUCTS if received.source.get("products") else IMPORT,
            source=received.source,
            files=received.rows(job.id),
            wishes=wishes,
        )
    return job
