"""Product images: rows against both indexes of products, and stored vectors nobody refers to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.database import Database
from ragline.doctor.differences import Difference
from ragline.doctor.looked import Looked
from ragline.images import index as product_index
from ragline.images.parts import parts_of
from ragline.maintenance import rules
from ragline.maintenance.cleanup import CACHE_AGE
from ragline.models import ImageEmbedding, Job, ProductImage, ProductImageVersion, Project, now
from ragline.providers.contracts import VectorStore

AT_ONCE = 500
# What a retry of a failed job would use is kept as long as jobs are not cleaned up.
EMBEDDINGS_AGE = CACHE_AGE + timedelta(days=6)


def look(runtime: Runtime, looked: Looked) -> Iterator[Difference]:
    """Go through the products whose vectors are missing or stray, and through stray vectors."""
    with runtime.database.read() as session:
        has_any = session.scalar(_ANY) is not None
    if has_any:
        yield from _of_products(runtime, looked)
        yield from _of_projects(runtime)
    count = _count_orphans(runtime.database)
    if count:
        yield Difference(
            "product-stray-embeddings",
            f"{count} stored vectors of pictures and names belong to no product; a repair removes "
            "them.",
            count=count,
        )


def repair_missing(runtime: Runtime, _difference: Difference) -> int:
    """Index all published products that an index lacks; return how many."""
    return product_index.restore(runtime)


def repair_stray(runtime: Runtime, difference: Difference) -> int:
    """Remove vectors of a version that is not published, or of products that are gone."""
    if difference.document_id is None:
        return _rewrite(runtime, str(difference.project_id))
    with runtime.database.write() as session:
        image = session.get(ProductImage, difference.document_id, with_for_update=True)
        version = difference.version
        if image is None or version is None or _is_wanted(session, image, version):
            return 0
        return sum(
            index.delete(document_id=image.id, version=version)
            for index in parts_of(runtime).every_index()
        )


def _rewrite(runtime: Runtime, project_id: str) -> int:
    """Empty the indexes that hold too much of a project, and write its products again.

    Not while one of them is being built: what its job wrote would be gone.
    """
    with runtime.database.read() as session:
        if session.scalar(_OPEN, {"of_project": project_id}) is not None:
            return 0
    removed = 0
    for index, surplus in _surplus(runtime, project_id):
        index.delete_project(project_id)
        removed += surplus
    if removed:
        product_index.restore(runtime)
    return removed


def remove_orphans(runtime: Runtime, _difference: Difference) -> int:
    """Remove stored vectors that no product refers to; return how many."""
    rule = rules.rule_of("image_embeddings", ImageEmbedding, (ImageEmbedding.key,), _orphan())
    return rules.remove(runtime.database, rule, note=lambda *_noted: None)


def _of_products(runtime: Runtime, looked: Looked) -> Iterator[Difference]:
    parts, after = parts_of(runtime), ""
    indexes = parts.every_index()
    while rows := _next(runtime, after):
        after = rows[-1].ProductImage.id
        for row in rows:
            looked.products += 1
            image: ProductImage = row.ProductImage
            held = [index.chunk_ids(image.id) for index in indexes]
            looked.vectors += sum(map(len, held))
            yield from _strays(runtime, image, held)
            if image.published_version is not None and _lacks(runtime, row):
                yield _missing(image)


def _lacks(runtime: Runtime, row: Any) -> bool:
    """Tell whether a published product is missing where it could be found by the present models."""
    parts, image = parts_of(runtime), row.ProductImage
    if row.text_key is not None and not parts.words.count(document_id=image.id):
        return True
    has_picture = parts.has_model and row.image_key is not None
    return has_picture and not parts.pictures.count(document_id=image.id)


def _strays(
    runtime: Runtime, image: ProductImage, held: list[dict[str, int]]
) -> Iterator[Difference]:
    counts = Counter(version for each in held for version in each.values())
    for version, count in sorted(counts.items()):
        with runtime.database.read() as session:
            row = session.get(ProductImage, image.id)
            if row is None or _is_wanted(session, row, version):
                continue
        yield Difference(
            "product-stray-vectors",
            f"The indexes of products hold {count} vectors of version {version} of the product "
            f"{image.product_id!r}, which is not published; a repair removes them.",
            project_id=image.project_id,
            document_id=image.id,
            version=version,
            count=count,
        )


def _missing(image: ProductImage) -> Difference:
    return Difference(
        "product-missing-vectors",
        f"The product {image.product_id!r} is missing in an index of products, so that searches "
        "miss it; a repair writes it again from its stored vectors. One that another model "
        "looked at must be sent again.",
        project_id=image.project_id,
        document_id=image.id,
        version=image.published_version,
    )


def _of_projects(runtime: Runtime) -> Iterator[Difference]:
    """Go through the projects of which an index holds more than their products."""
    with runtime.database.read() as session:
        projects = session.scalars(_PROJECTS).all()
    for project_id in projects:
        count = sum(surplus for _, surplus in _surplus(runtime, str(project_id)))
        if count:
            yield Difference(
                "product-stray-vectors",
                f"The indexes of products hold {count} vectors of products of the project "
                f"{project_id} that were deleted; a repair empties these indexes of the project "
                "and writes its products again.",
                project_id=project_id,
                count=count,
            )


def _surplus(runtime: Runtime, project_id: str) -> list[tuple[VectorStore, int]]:
    """Return the indexes that hold vectors of products that are gone, with how many."""
    indexes = parts_of(runtime).every_index()
    with runtime.database.read() as session:
        images = session.scalars(_IMAGES, {"of_project": project_id}).all()
    found = []
    for index in indexes:
        known = sum(index.count(document_id=each) for each in images)
        surplus = index.count(project_id=project_id) - known
        if surplus > 0:
            found.append((index, surplus))
    return found


def _next(runtime: Runtime, after: str) -> list[Any]:
    with runtime.database.read() as session:
        return list(session.execute(_PRODUCTS, {"after": after}))


def _is_wanted(session: Session, image: ProductImage, version: int) -> bool:
    """Tell whether a version is published or being built."""
    if image.published_version == version:
        return True
    named = {"of_image": image.id, "of_version": version}
    return session.scalar(_UNDER_WAY, named) is not None


def _orphan() -> sa.ColumnElement[bool]:
    used = [
        sa.exists().where(column == ImageEmbedding.key)
        for column in (ProductImageVersion.image_key, ProductImageVersion.text_key)
    ]
    return sa.and_(ImageEmbedding.created_at < now() - EMBEDDINGS_AGE, ~sa.or_(*used))


def _count_orphans(database: Database) -> int:
    with database.read() as session:
        query = sa.select(sa.func.count()).select_from(ImageEmbedding).where(_orphan())
        return session.scalar(query) or 0


_ANY = sa.select(ProductImageVersion.image_id).limit(1)
_PRODUCTS = (
    sa.select(ProductImage, ProductImageVersion.image_key, ProductImageVersion.text_key)
    .join(Project, Project.id == ProductImage.project_id)
    .outerjoin(
        ProductImageVersion,
        sa.and_(
            ProductImageVersion.image_id == ProductImage.id,
            ProductImageVersion.version == ProductImage.published_version,
        ),
    )
    .where(Project.deleted_at.is_(None), ProductImage.id > sa.bindparam("after"))
    .order_by(ProductImage.id)
    .limit(AT_ONCE)
)
_UNDER_WAY = (
    sa.select(ProductImageVersion.version)
    .join(Job, Job.id == ProductImageVersion.job_id)
    .where(
        ProductImageVersion.image_id == sa.bindparam("of_image"),
        ProductImageVersion.version == sa.bindparam("of_version"),
        Job.outcome.is_(None),
    )
)
_IMAGES = sa.select(ProductImage.id).where(ProductImage.project_id == sa.bindparam("of_project"))
_OPEN = (
    sa.select(Job.id)
    .where(Job.project_id == sa.bindparam("of_project"), Job.kind == "image", Job.outcome.is_(None))
    .limit(1)
)
_known = sa.union(
    sa.select(ProductImage.project_id), sa.select(Job.project_id).where(Job.kind == "image")
).subquery()
# A project that is being deleted gives its own receipt.
_PROJECTS = sa.select(_known.c.project_id).where(
    _known.c.project_id.is_not(None),
    ~sa.exists().where(
        Job.project_id == _known.c.project_id, Job.kind == "delete", Job.outcome.is_(None)
    ),
)
