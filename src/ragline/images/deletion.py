"""Deleting products everywhere, with a receipt of what was removed and what a look finds left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.errors import Conflict
from ragline.failpoints import failpoint
from ragline.images.parts import parts_of
from ragline.images.reading import owned_product
from ragline.images.removal import Left, remove_left, remove_versions
from ragline.images.schemas import ProductReceipt
from ragline.ingestion.files import in_use
from ragline.jobs.reading import statuses
from ragline.models import ProductImage, ProductImageVersion

OPEN = ("pending", "queued", "processing")


def delete_product(
    runtime: Runtime, caller: Caller, project_id: str, product_id: str
) -> ProductReceipt:
    """Remove a product's rows, files, stored vectors and places in the indexes.

    Rows go first, so that whatever a crash leaves behind is nothing that can be returned.

    Raises `Conflict` while it is being built.
    """
    with runtime.database.write() as session:
        runtime.database.lock(session, f"product:{project_id}:{product_id}")
        image = owned_product(session, caller.tenant_id, project_id, product_id, lock=True)
        versions = session.scalars(_versions([image.id])).all()
        status = statuses(session, [version.job_id for version in versions])
        if any(each in OPEN for each in status.values()):
            raise Conflict("This product is being indexed; delete it when its job has ended.")
        image_id = image.id
        left = remove_versions(session, versions)
        session.delete(image)
    failpoint("image.rows_removed")
    removed = {
        "products": 1,
        "versions": left.versions,
        "embeddings": left.embeddings,
        "files": remove_left(runtime, left),
        "vectors": sum(
            index.delete(document_id=image_id) for index in parts_of(runtime).every_index()
        ),
    }
    return ProductReceipt(
        product_id=product_id,
        removed=removed,
        remaining=_remaining(runtime, image_id, left),
    )


def remove_some(session: Session, project_id: str, *, limit: int) -> tuple[Counter[str], Left]:
    """Remove rows of some products of a project that is deleted; count 0 when none are left.

    The caller removes what they leave, and at last the project's vectors.
    """
    of_project = sa.select(ProductImage).where(ProductImage.project_id == project_id)
    images = session.scalars(of_project.order_by(ProductImage.id).limit(limit)).all()
    left = remove_versions(session, session.scalars(_versions([each.id for each in images])).all())
    for image in images:
        session.delete(image)
    session.flush()
    counted = Counter(products=len(images), product_embeddings=left.embeddings)
    return counted, left


def remove_vectors(runtime: Runtime, project_id: str) -> int:
    """Remove a project's products from the indexes; return how many vectors these were."""
    indexes = parts_of(runtime).every_index()
    return sum(index.delete_project(project_id) for index in indexes)


def _remaining(runtime: Runtime, image_id: str, left: Left) -> dict[str, int]:
    """Look for what is left; files that something else uses as well are not the product's."""
    with runtime.database.read() as session:
        shared = in_use(session, left.files)
        rows = session.scalar(
            sa.select(sa.func.count())
            .select_from(ProductImageVersion)
            .where(ProductImageVersion.image_id == image_id)
        )
    indexes = parts_of(runtime).every_index()
    return {
        "rows": rows or 0,
        "files": sum(runtime.blobs.exists(each) for each in left.files - shared),
        "vectors": sum(index.count(document_id=image_id) for index in indexes),
    }


def _versions(image_ids: Sequence[str]) -> sa.Select[ProductImageVersion]:
    return sa.select(ProductImageVersion).where(ProductImageVersion.image_id.in_(image_ids))
