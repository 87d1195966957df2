"""Reading products back: listings, one of them, its picture and thumbnail."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.blobs import Stream
from ragline.bootstrap import Runtime
from ragline.errors import NotFound
from ragline.images.schemas import ProductView
from ragline.jobs.reading import statuses
from ragline.models import ProductImage, ProductImageVersion

THUMBNAIL = "image/jpeg"


def get_product(runtime: Runtime, caller: Caller, project_id: str, product_id: str) -> ProductView:
    """Return a product."""
    with runtime.database.read() as session:
        image = owned_product(session, caller.tenant_id, project_id, product_id)
        return _views(session, [image])[0]


def list_products(
    runtime: Runtime, caller: Caller, project_id: str, *, limit: int, after: str | None
) -> tuple[list[ProductView], bool]:
    """Return a project's products, oldest first, and whether there are more."""
    query = (
        sa.select(ProductImage)
        .where(ProductImage.project_id == project_id)
        .order_by(ProductImage.created_at, ProductImage.id)
        .limit(limit + 1)
    )
    with runtime.database.read() as session:
        owned_project(session, caller.tenant_id, project_id)
        if after is not None:
            last = owned_product(session, caller.tenant_id, project_id, after)
            query = query.where(
                sa.tuple_(ProductImage.created_at, ProductImage.id)
                > sa.tuple_(
                    sa.literal(last.created_at, ProductImage.created_at.type), sa.literal(last.id)
                )
            )
        images = list(session.scalars(query))
        return _views(session, images[:limit]), len(images) > limit


def picture_of(
    runtime: Runtime, caller: Caller, project_id: str, product_id: str
) -> tuple[str, Path | Stream]:
    """Return a product's picture as it was sent, with its media type."""
    version = _shown(runtime, caller, project_id, product_id)
    return version.media_type, runtime.blobs.open(version.content_hash)


def thumbnail_of(
    runtime: Runtime, caller: Caller, project_id: str, product_id: str
) -> tuple[str, Path | Stream]:
    """Return a product's thumbnail; raise `NotFound` until there is one."""
    version = _shown(runtime, caller, project_id, product_id)
    if version.thumbnail_hash is None:
        raise NotFound("This product has no thumbnail yet; it has one when its job has completed.")
    return THUMBNAIL, runtime.blobs.open(version.thumbnail_hash)


def owned_product(
    session: Session, tenant_id: str, project_id: str, product_id: str, *, lock: bool = False
) -> ProductImage:
    """Return a product of the tenant's project or raise `NotFound`."""
    project = owned_project(session, tenant_id, project_id)
    query = sa.select(ProductImage).where(
        ProductImage.project_id == project.id, ProductImage.product_id == product_id
    )
    image = session.scalar(query.with_for_update() if lock else query)
    if image is None:
        raise NotFound(f"There is no product {product_id!r} in this project.")
    return image


def thumbnail_url(project_id: str, product_id: str) -> str:
    """Return where a product's thumbnail is."""
    return f"/v1/projects/{project_id}/images/{quote(product_id, safe='')}/thumbnail"


def _shown(
    runtime: Runtime, caller: Caller, project_id: str, product_id: str
) -> ProductImageVersion:
    with runtime.database.read() as session:
        image = owned_product(session, caller.tenant_id, project_id, product_id)
        return session.get_one(ProductImageVersion, (image.id, _number(image)))


def _number(image: ProductImage) -> int:
    return image.published_version or image.latest_version


def _views(session: Session, images: Sequence[ProductImage]) -> list[ProductView]:
    """Return products with the versions that are shown, and the statuses of their latest jobs."""
    wanted = {
        (each.id, number) for each in images for number in (_number(each), each.latest_version)
    }
    versions = sa.select(ProductImageVersion).where(
        ProductImageVersion.image_id.in_([each.id for each in images])
    )
    found = {(row.image_id, row.version): row for row in session.scalars(versions)}
    latest = {found[key].job_id for key in wanted if key in found}
    status = statuses(session, list(latest))
    return [
        _view(
            image,
            found[image.id, _number(image)],
            # A job that is no longer kept has completed.
            status.get(found[image.id, image.latest_version].job_id, "completed"),
        )
        for image in images
    ]


def _view(image: ProductImage, version: ProductImageVersion, status: str) -> ProductView:
    return ProductView(
        product_id=image.product_id,
        project_id=image.project_id,
        name=version.name,
        description=version.description,
        metadata=version.metadata_,
        media_type=version.media_type,
        size_bytes=version.size_bytes,
        width=version.width,
        height=version.height,
        status=status,
        searchable=image.published_version is not None,
        job_id=version.job_id,
        thumbnail_url=(
            thumbnail_url(image.project_id, image.product_id) if version.thumbnail_hash else None
        ),
        created_at=image.created_at,
    )
