"""Taking products in: pictures, versions, child jobs and the position in one transaction."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

import sqlalchemy as sa
from pydantic import ValidationError

from ragline.accounts.service import Caller
from ragline.blobs import Blob
from ragline.bootstrap import Runtime
from ragline.documents.receiving import ReceivedFile
from ragline.documents.schemas import TakenFile
from ragline.errors import InvalidInput, RaglineError, TooLarge, UnsupportedMediaType
from ragline.failpoints import failpoint
from ragline.images import service as products
from ragline.images.pictures import HEAD_BYTES
from ragline.images.schemas import ProductFields
from ragline.images.storing import StoredPicture, media_type_of, store
from ragline.imports import taking
from ragline.imports.keeping import Content
from ragline.imports.schemas import DryRun
from ragline.imports.sources import Item, ItemWarning
from ragline.imports.taking import Batch
from ragline.ingestion.files import remove_file
from ragline.jobs.wishes import Wishes
from ragline.models import Job, JobTag

MOST_NAMED = 5000
REFUSED = "refused-product"
_FAULTS = (InvalidInput, TooLarge, UnsupportedMediaType)


def take_products(runtime: Runtime, job_id: str, workflow_id: str, batch: Batch) -> None:
    """Keep a batch: its pictures, its products, their jobs and the position behind it.

    A second run finds the position and changes nothing. A product that cannot be taken becomes a
    warning that names it. Waits while the backlog is full. Raises `Superseded` where the import
    was cancelled, or another attempt took over.
    """
    if taking.position(runtime, job_id) != batch.before:
        return
    kept: list[tuple[Item, ProductFields, StoredPicture | None]] = []
    warnings = list(batch.warnings)
    for item in batch.items:
        try:
            fields = fields_of(item)
            kept.append((item, fields, _stored(runtime, item)))
        except _FAULTS as error:
            warnings.append(_refusal(item, error))
    failpoint("import.stored")
    unused = taking.with_room(
        runtime,
        job_id,
        workflow_id,
        lambda: _write(runtime, job_id, workflow_id, batch, kept, warnings),
    )
    failpoint("import.kept")
    for content_hash in unused:
        # The clean-up finds what stays.
        with suppress(RaglineError, OSError):
            remove_file(runtime, content_hash)


def fields_of(item: Item) -> ProductFields:
    """Return a product as it would be sent; raise `InvalidInput` for one that could not be."""
    try:
        return ProductFields(
            product_id=item.identity,
            name=item.title,
            description=item.metadata["description"],
            metadata=item.metadata["metadata"],
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInput(f"{first['loc'][0]}: {first['msg']}") from None


class ProductLook:
    """Goes through the products of an import, and says what they would come to."""

    def __init__(self, runtime: Runtime, project_id: str) -> None:
        self.warnings: list[ItemWarning] = []
        self._runtime = runtime
        self._project_id = project_id
        self._changes: Counter[str] = Counter()

    def at(self, items: Sequence[Item], _scratch: Path) -> None:
        """Look at some items, which can be opened now."""
        for item in items:
            try:
                fields, picture = fields_of(item), self._picture(item)
                with self._runtime.database.read() as session:
                    change = products.change_of(session, self._project_id, fields, picture)
                self._changes[change] += 1
            except _FAULTS as error:
                self.warnings.append(_refusal(item, error))

    def answer(self, _caller: Caller) -> DryRun:
        """Return the sums; what products cost is not estimated."""
        changes = self._changes
        return DryRun(
            documents=changes.total(),
            new=changes["new"],
            changed=changes["changed"],
            again=changes["again"],
            unchanged=changes["unchanged"],
            duplicates=0,
            missing_files=sum(each.code == "missing-file" for each in self.warnings),
            pages=0,
            tokens=0,
            cost=None,
            seconds=None,
            basis={"pages": "products have none", "cost": "not estimated for products"},
            warnings=[each.as_json() for each in self.warnings[:MOST_NAMED]],
        )

    def _picture(self, item: Item) -> StoredPicture | None:
        """Return the picture as it would be stored."""
        if item.stands_in:
            return None
        with item.open() as stream:
            head = stream.read(HEAD_BYTES)
            digest, size = hashlib.sha256(head), len(head)
            while piece := stream.read(1024**2):
                digest.update(piece)
                size += len(piece)
        most = self._runtime.settings.image_max_bytes
        media_type = media_type_of(head, size, most_bytes=most)
        return StoredPicture(io.BytesIO(), Blob(digest.hexdigest(), size), media_type)


def _stored(runtime: Runtime, item: Item) -> StoredPicture | None:
    if item.stands_in:
        return None
    content = Content(item)
    try:
        # It reads and seeks, which is all that is asked of it.
        return store(runtime, ReceivedFile(item.name, cast(BinaryIO, content)))
    finally:
        content.release()


def _refusal(item: Item, error: RaglineError) -> ItemWarning:
    return ItemWarning(REFUSED, error.message, item.identity)


def _write(
    runtime: Runtime,
    job_id: str,
    workflow_id: str,
    batch: Batch,
    kept: Sequence[tuple[Item, ProductFields, StoredPicture | None]],
    warnings: Sequence[ItemWarning],
) -> set[str]:
    """Write a batch in one transaction; return the hashes of files that nothing may need."""
    unused: set[str] = set()
    refused: list[ItemWarning] = []
    told: list[TakenFile] = []
    with runtime.database.write() as session:
        job = session.get_one(Job, job_id)
        tags = session.scalars(sa.select(JobTag.tag).where(JobTag.job_id == job_id)).all()
        wishes = Wishes(job.priority, None, tuple(tags))
        # In one order for all, so that no two imports wait for each other's products.
        for item, fields, picture in sorted(kept, key=lambda each: each[0].identity):
            try:
                taken = products.keep(
                    runtime,
                    job.tenant_id,
                    str(job.project_id),
                    fields,
                    picture,
                    wishes=wishes,
                    parent_id=job_id,
                )
            except InvalidInput as error:
                refused.append(_refusal(item, error))
                unused |= {picture.blob.content_hash} if picture else set()
                continue
            if taken.job is None and picture is not None:
                unused.add(picture.blob.content_hash)
            told.append(
                TakenFile(
                    filename=item.name,
                    external_id=item.identity,
                    document_id=taken.image_id,
                    change=taken.change,
                    job_id=taken.job.id if taken.job else None,
                )
            )
        taking.move_on(session, job_id, workflow_id, batch, told, [*warnings, *refused])
    return unused
