"""Stored files: those that rows refer to and that are gone, and those that nothing refers to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from ragline.bootstrap import Runtime
from ragline.doctor.differences import Difference, of_missing_file
from ragline.doctor.looked import Looked
from ragline.engine import queues
from ragline.ingestion.workflow import INGEST
from ragline.jobs import service as jobs
from ragline.maintenance import cleanup
from ragline.models import Document, Job, ProductImage, ProductImageVersion, Project, new_id, now

AT_ONCE = 500


def look(runtime: Runtime, looked: Looked) -> Iterator[Difference]:
    """Go through files that are missing, and then through strays."""
    yield from _of_documents(runtime, looked)
    yield from _of_products(runtime, looked)
    for content_hash in cleanup.stray_files(runtime.database, runtime.blobs, now()):
        yield Difference(
            "stray-file",
            f"{cleanup.sentence_of_file(content_hash)[:-1]}; a repair removes it.",
            file=content_hash,
        )


def repair_missing(runtime: Runtime, difference: Difference) -> int:
    """Queue a document whose file is gone, so that its job says so; return 1 if that was done.

    One whose latest job has failed, or is open, is left as it is: its loss is named already.
    """
    with runtime.database.write() as session:
        document = session.get(Document, difference.document_id, with_for_update=True)
        if document is None or document.stored_hash != difference.file:
            return 0
        latest = session.scalar(_LATEST, {"of_document": document.id})
        if runtime.blobs.exists(document.stored_hash) or latest != "completed":
            return 0
        document.latest_version += 1
        jobs.accept(
            session,
            runtime,
            _job(document),
            workflow=INGEST,
            queue=queues.INGEST,
            timeout_seconds=runtime.settings.ingest_seconds,
        )
    return 1


def repair_stray(runtime: Runtime, difference: Difference) -> int:
    """Remove a stored file unless something refers to it by now."""
    assert difference.file is not None, "a stray file has a name"
    return cleanup.remove_file(
        runtime.database, runtime.blobs, difference.file, note=lambda *_noted: None
    )


def _of_documents(runtime: Runtime, looked: Looked) -> Iterator[Difference]:
    for row in _rows(runtime, _DOCUMENTS, Document.id):
        looked.files += 1
        document: Document = row.Document
        if runtime.blobs.exists(document.stored_hash) or _has_changed(runtime, document):
            continue
        yield of_missing_file(
            document.project_id,
            document.id,
            document.title,
            document.stored_hash,
            searchable=document.published_version is not None,
        )


def _of_products(runtime: Runtime, looked: Looked) -> Iterator[Difference]:
    for row in _rows(runtime, _PRODUCTS, ProductImage.id):
        looked.files += 1
        image: ProductImage = row.ProductImage
        version: ProductImageVersion = row.ProductImageVersion
        if runtime.blobs.exists(version.content_hash):
            continue
        yield Difference(
            "product-missing-file",
            f"The picture of the product {image.product_id!r} is gone from the stored files: the "
            "product is still found, but its picture cannot be shown or looked at again. Send it "
            "again.",
            repairable=False,
            project_id=image.project_id,
            document_id=image.id,
            file=version.content_hash,
        )


def _rows(runtime: Runtime, query: Any, key: Any) -> Iterator[Any]:
    """Go through the rows of a query some at a time, so that no transaction stays open."""
    after = ""
    while True:
        with runtime.database.read() as session:
            rows = session.execute(query.where(key > after).order_by(key).limit(AT_ONCE)).all()
        yield from rows
        if len(rows) < AT_ONCE:
            return
        after = rows[-1][0].id


def _has_changed(runtime: Runtime, document: Document) -> bool:
    """Tell whether a document was deleted or got another file since it was read."""
    with runtime.database.read() as session:
        row = session.get(Document, document.id)
        return row is None or row.stored_hash != document.stored_hash


def _job(document: Document) -> Job:
    return Job(
        id=new_id(),
        tenant_id=document.tenant_id,
        project_id=document.project_id,
        document_id=document.id,
        kind="ingest",
        version=document.latest_version,
        progress_unit="pages",
        inputs={
            "document_id": document.id,
            "version": document.latest_version,
            "content_hash": document.stored_hash,
            "media_type": document.media_type,
            "filename": document.filename,
            "size_bytes": document.size_bytes,
        },
    )


_project = aliased(Project)
_DOCUMENTS = (
    sa.select(Document)
    .join(_project, _project.id == Document.project_id)
    .where(_project.deleted_at.is_(None))
)
_PRODUCTS = (
    sa.select(ProductImage, ProductImageVersion)
    .join(
        ProductImageVersion,
        sa.and_(
            ProductImageVersion.image_id == ProductImage.id,
            ProductImageVersion.version == ProductImage.published_version,
        ),
    )
    .join(_project, _project.id == ProductImage.project_id)
    .where(_project.deleted_at.is_(None))
)
_LATEST = (
    sa.select(sa.func.coalesce(Job.outcome, "open"))
    .where(Job.document_id == sa.bindparam("of_document"), Job.kind == "ingest")
    .order_by(Job.version.desc(), Job.created_at.desc())
    .limit(1)
)
