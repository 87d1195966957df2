"""Products whose vectors are an earlier model's: found, and built again with the present one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.images import keys
from ragline.images.parts import parts_of
from ragline.images.service import Taken, build_again
from ragline.jobs.wishes import Wishes
from ragline.models import Job, ProductImage, ProductImageVersion


class Renewed(NamedTuple):
    """Products that were looked at: the jobs begun for them, and the last one's id, if any."""

    taken: Sequence[Taken]
    looked_at: int
    last: str | None


def count_products(runtime: Runtime, project_id: str) -> int:
    """Return how many products a project has."""
    query = sa.select(sa.func.count()).where(ProductImage.project_id == project_id)
    with runtime.database.read() as session:
        return session.scalar(query) or 0


def renew_some(runtime: Runtime, job: Job, after: str, *, limit: int, wishes: Wishes) -> Renewed:
    """Begin a version of some products as they are, in the caller's transaction.

    Those whose vectors are the present models' need none, nor do those that are being built.
    """
    values = {"of_project": job.project_id, "after": after, "most": limit}
    with runtime.database.write() as session:
        rows = session.execute(_NEXT, values).all()
        taken = [
            build_again(runtime, session, image, version, wishes=wishes, parent_id=job.id)
            for image, version, outcome in rows
            if outcome is not None and not _is_present(runtime, image, version)
        ]
    return Renewed(taken, len(rows), rows[-1][0].id if rows else None)


def _is_present(runtime: Runtime, image: ProductImage, version: ProductImageVersion) -> bool:
    """Tell whether both vectors of a version are the present models'."""
    words = keys.words_of(version.name, version.description)
    picture_key = keys.picture_key(
        image.tenant_id, parts_of(runtime).facts.name, version.content_hash
    )
    words_key = keys.words_key(image.tenant_id, runtime.embedder.name, words)
    return (version.image_key, version.text_key) == (picture_key, words_key)


_NEXT = (
    sa.select(
        ProductImage,
        ProductImageVersion,
        # A job that was cleaned up had ended.
        sa.case((Job.id.is_(None), "gone"), else_=Job.outcome).label("outcome"),
    )
    .join(
        ProductImageVersion,
        sa.and_(
            ProductImageVersion.image_id == ProductImage.id,
            ProductImageVersion.version == ProductImage.latest_version,
        ),
    )
    .outerjoin(Job, Job.id == ProductImageVersion.job_id)
    .where(
        ProductImage.project_id == sa.bindparam("of_project"),
        ProductImage.id > sa.bindparam("after"),
    )
    .order_by(ProductImage.id)
    .limit(sa.bindparam("most"))
    .with_for_update(of=ProductImage, key_share=True)
)
