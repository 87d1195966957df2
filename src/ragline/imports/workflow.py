"""An import's way: list what there is to take, take it in batches, leave the rest to its children.

Each step may run twice: the list is made once, and a batch moves the position it begins at.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.compute.pool import Cancelled, Owner
from ragline.database import insert_new
from ragline.engine.retry import COMPUTE, LOCAL, cause_of
from ragline.errors import NotFound
from ragline.failpoints import failpoint
from ragline.imports import reindexing, taking
from ragline.imports.contents import items_at_hand
from ragline.imports.folders import allowed_folder
from ragline.imports.manifest import read_manifest, write_manifest
from ragline.imports.receiving import MANIFEST, inputs_of
from ragline.imports.scratch import child_limits, drop_leftovers, scratch_folder
from ragline.imports.taking_products import take_products
from ragline.jobs import service as jobs
from ragline.models import Import, ImportFile, Job

IMPORT = "import"
# A name of its own: a worker of a release before would make documents of the rows.
IMPORT_PRODUCTS = "import_products"


def register(runtime: Runtime) -> None:
    """Make the workflow of imports known to the engine."""
    drop_leftovers(runtime.settings)
    reindexing.register(runtime)
    for name in (IMPORT, IMPORT_PRODUCTS):
        runtime.engine.register(name, lambda job_id: run(runtime, job_id))


def run(runtime: Runtime, job_id: str) -> None:
    """Take an import in, or end its job with the reason why not."""
    engine = runtime.engine
    attempt = engine.workflow_id()
    try:
        engine.patiently(jobs.begin, runtime, job_id)
        engine.step(list_items, COMPUTE, runtime, job_id, attempt)
        while engine.step(take_some, COMPUTE, runtime, job_id, attempt):
            pass
        engine.step(taking.finish, LOCAL, runtime, job_id, attempt)
    except (jobs.Superseded, Cancelled):
        raise  # whoever superseded or stopped this attempt ends the job
    except Exception as error:
        engine.patiently(jobs.give_up, runtime, job_id, cause_of(error), attempt)
        raise


def list_items(runtime: Runtime, job_id: str, workflow_id: str) -> None:
    """Write the manifest, if there is none yet."""
    job, source, files = _load(runtime, job_id)
    if MANIFEST in files:
        return
    settings = runtime.settings
    with scratch_folder(settings) as scratch, inputs_of(runtime, source, files) as inputs:
        out = scratch / MANIFEST
        totals = runtime.compute.run(
            write_manifest,
            inputs,
            scratch,
            out,
            settings.import_items,
            limits=child_limits(settings),
            owner=Owner(workflow_id, job.tenant_id),
        )
        with out.open("rb") as content:
            blob = runtime.blobs.store(content)
    failpoint("import.listed")
    with runtime.database.write() as session:
        job = jobs.open_job(session, job_id, workflow_id)
        if MANIFEST in _files(session, job_id):
            return
        insert_new(
            session,
            ImportFile(
                job_id=job_id,
                number=sum(map(len, files.values())),
                role=MANIFEST,
                name=MANIFEST,
                content_hash=blob.content_hash,
                size_bytes=blob.size,
            ),
        )
        jobs.advance(
            session, job, done=0, total=totals.items, unit=job.progress_unit, event="job.progress"
        )


def take_some(runtime: Runtime, job_id: str, workflow_id: str) -> bool:
    """Take the next batch of the manifest; return whether there are more."""
    job, source, files = _load(runtime, job_id)
    before = taking.position(runtime, job_id)
    at = 0 if before is None else before["at"]
    if at is None:
        return False
    settings = runtime.settings
    with runtime.blobs.local(files[MANIFEST][0]) as manifest:
        part = read_manifest(
            manifest,
            at,
            # A batch as large as the backlog would wait for room for ever.
            most_items=min(settings.import_batch, max(1, settings.max_backlog // 2)),
            most_bytes=settings.import_batch_bytes,
        )
    owner = Owner(workflow_id, job.tenant_id)
    with items_at_hand(runtime, part.items, _folder(runtime, source), owner=owner) as items:
        batch = taking.Batch(items, before, {"at": part.after}, part.warnings)
        take = take_products if source.get("products") else taking.take
        take(runtime, job_id, workflow_id, batch)
    return part.after is not None


def _folder(runtime: Runtime, source: dict[str, Any]) -> Path | None:
    if "folder" not in source:
        return None
    return allowed_folder(source["folder"], runtime.settings.import_roots)


def _load(runtime: Runtime, job_id: str) -> tuple[Job, dict[str, Any], dict[str, list[str]]]:
    with runtime.database.read() as session:
        row = session.get_one(Import, job_id)
        files = _files(session, job_id)
        if "files" in row.source and not files:
            raise NotFound("The files of this import are gone; import them again.")
        return session.get_one(Job, job_id), row.source, files


def _files(session: Session, job_id: str) -> dict[str, list[str]]:
    """Return the hashes of an import's files by what they are for."""
    found: dict[str, list[str]] = {}
    rows = session.execute(
        sa.select(ImportFile.role, ImportFile.content_hash)
        .where(ImportFile.job_id == job_id)
        .order_by(ImportFile.number)
    )
    for role, content_hash in rows:
        found.setdefault(role, []).append(content_hash)
    return found
