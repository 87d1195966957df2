"""What happens when a product cannot be indexed, or is not to be."""

from __future__ import annotations

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.images.parts import parts_of
from ragline.jobs import service as jobs
from ragline.jobs.undoing import Undoing
from ragline.models import Job, ProductImage, ProductImageVersion


def abandon(runtime: Runtime, job_id: str, error: BaseException, workflow_id: str) -> None:
    """End an attempt as failed and remove its vectors from the indexes; safe to run twice.

    The version and its stored vectors stay, unseen: a retry goes on from them.
    """
    with runtime.database.write() as session:
        job = session.get_one(Job, job_id)
        if not jobs.fail(session, job, error, workflow_id):
            return
    _remove_points(runtime, job_id)


def remove(runtime: Runtime, job: Job) -> dict[str, int]:
    """Take away what a cancelled attempt put into the indexes; safe to run twice."""
    return {"vectors": _remove_points(runtime, job.id)}


def _remove_points(runtime: Runtime, job_id: str) -> int:
    """Remove a version's vectors unless it was published after all."""
    with runtime.database.read() as session:
        row = session.execute(_BUILT, {"of_job": job_id}).one_or_none()
    if row is None or row.published_version == row.version:
        return 0
    indexes = parts_of(runtime).every_index()
    return sum(each.delete(document_id=row.image_id, version=row.version) for each in indexes)


UNDOING = Undoing(give_up=abandon, remove=remove, steps=("index_and_publish",))

_BUILT = (
    sa.select(
        ProductImageVersion.image_id, ProductImageVersion.version, ProductImage.published_version
    )
    .join(ProductImage, ProductImage.id == ProductImageVersion.image_id)
    .where(ProductImageVersion.job_id == sa.bindparam("of_job"))
)
