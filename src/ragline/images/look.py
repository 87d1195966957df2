"""Step 1: look at the picture in a child: its size, and a thumbnail that every process can read."""

from __future__ import annotations

import io

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.failpoints import failpoint
from ragline.images import children
from ragline.images.parts import most_pixels
from ragline.images.subject import Subject, load_subject
from ragline.ingestion.files import ensure_files
from ragline.jobs import service as jobs
from ragline.models import ProductImageVersion

STEPS = 3
UNIT = "steps"


def look(runtime: Runtime, job_id: str) -> str:
    """Store size and thumbnail; return the thumbnail's hash. A second run stores the same.

    Raises `UnreadableFile` for what is no whole picture, and `LimitExceeded` for one with too
    many pixels.
    """
    subject = load_subject(runtime, job_id)
    known = _seen_before(runtime, subject) if subject.version > 1 else None
    if known is not None:
        return _keep(runtime, subject, known, None)
    settings = runtime.settings
    with runtime.blobs.local(subject.content_hash) as path:
        looked = runtime.compute.run(
            children.look,
            path,
            subject.media_type,
            most_pixels(runtime),
            settings.image_thumbnail_pixels,
            limits=children.limits(settings),
            owner=subject.owner,
        )
    failpoint("image.looked")
    return _keep(runtime, subject, (looked.width, looked.height), looked.thumbnail)


def _seen_before(runtime: Runtime, subject: Subject) -> tuple[int, int, str] | None:
    """Return what an earlier version of the product with the same picture says of it."""
    with runtime.database.read() as session:
        row = session.execute(
            _SAME, {"of_image": subject.image_id, "content": subject.content_hash}
        ).first()
    return None if row is None else (row.width, row.height, row.thumbnail_hash)


def _keep(
    runtime: Runtime,
    subject: Subject,
    found: tuple[int, int] | tuple[int, int, str],
    thumbnail: bytes | None,
) -> str:
    stream = io.BytesIO(thumbnail or b"")
    blob = None if thumbnail is None else runtime.blobs.store(stream)
    with runtime.database.write() as session:
        job = subject.job_in(session)
        if blob is not None:
            ensure_files(runtime, session, [(blob, stream)])
        version = subject.version_in(session)
        version.width, version.height = found[:2]
        digest = blob.content_hash if blob is not None else str(found[-1])
        version.thumbnail_hash = digest
        jobs.advance(session, job, done=1, total=STEPS, unit=UNIT, event="job.progress")
    return digest


_SAME = (
    sa.select(
        ProductImageVersion.width, ProductImageVersion.height, ProductImageVersion.thumbnail_hash
    )
    .where(
        ProductImageVersion.image_id == sa.bindparam("of_image"),
        ProductImageVersion.content_hash == sa.bindparam("content"),
        ProductImageVersion.thumbnail_hash.is_not(None),
    )
    .limit(1)
)
