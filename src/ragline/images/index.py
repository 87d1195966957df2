"""Step 3: both vectors into their indexes, then the version is published.

Search returns published versions only, so whatever is in an index before the publishing
transaction, or stays there after a crash, is invisible.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sqlalchemy as sa
import structlog
from sqlalchemy.orm import aliased

from ragline.bootstrap import Runtime
from ragline.database import LOCKED
from ragline.failpoints import failpoint
from ragline.images import keys
from ragline.images.embed import embed
from ragline.images.parts import parts_of, point_id
from ragline.images.removal import Left, remove_left, remove_versions
from ragline.images.subject import Subject, load_subject, refuse_replaced
from ragline.jobs import service as jobs
from ragline.language.lexical import LexicalVector, lexical_vector_of_passage
from ragline.models import ImageEmbedding, Job, ProductImage, ProductImageVersion
from ragline.providers.contracts import IndexedChunk

RESTORED_AT_ONCE = 256
NO_WORDS = LexicalVector((), ())
log = structlog.get_logger()


def index_and_publish(runtime: Runtime, job_id: str, workflow_id: str) -> int:
    """Make a version searchable and return its number, 0 where its attempt may not any more.

    A second run writes the same vectors and finds the job ended.
    """
    subject = load_subject(runtime, job_id)
    _index(runtime, subject)
    failpoint("image.indexed")
    published = _publish(runtime, subject, workflow_id)
    failpoint("image.published")
    if published is None:
        _take_back(runtime, subject)
        return 0
    _remove_older(runtime, subject, published)
    return subject.version


def end_replaced(runtime: Runtime, job_id: str, workflow_id: str) -> None:
    """End a job well whose product has a later version by now; safe to run twice."""
    with runtime.database.write() as session:
        job = session.get_one(Job, job_id)
        if not jobs.is_current(session, job, workflow_id):
            return
        mine = ProductImageVersion.job_id == job_id
        row = session.scalar(sa.select(ProductImageVersion).where(mine))
        assert row is not None, "it was found to be replaced just now"
        image_id, version = row.image_id, row.version
        left = remove_versions(session, [row])
        message = "A later update of this product was searchable before this one."
        jobs.complete(
            session,
            job,
            result={**(job.inputs or {}), "searchable": False},
            warnings=[{"code": "replaced", "message": message}],
        )
    for index in parts_of(runtime).every_index():
        index.delete(document_id=image_id, version=version)
    remove_left(runtime, left)


def restore(runtime: Runtime) -> int:
    """Index published versions that an index lacks; return how many these were.

    Those whose vectors are another model's stay as they are: found by what the present ones
    know of them, until they are sent again.
    """
    with runtime.database.read() as session:
        most = session.scalar(_COUNT) or 0
    if not most:
        return 0
    parts, restored, other = parts_of(runtime), 0, 0
    is_whole = parts.words.count() >= most and (
        not parts.has_model or parts.pictures.count() >= most
    )
    after = ""
    while not is_whole and (rows := _next(runtime, after)):
        after = rows[-1].ProductImage.id
        restored += _restore_some(runtime, rows)
        other += sum(not _is_present(runtime, row) for row in rows)
    if restored:
        log.warning("images.restored", products=restored)
    if other:
        log.warning("images.of_another_model", products=other)
    return restored


def _index(runtime: Runtime, subject: Subject) -> None:
    row = _stored(runtime, subject)
    if row.picture is None or row.words is None:
        # What only a failed attempt referred to may have been cleaned up since.
        embed(runtime, subject.job_id)
        row = _stored(runtime, subject)
    parts = parts_of(runtime)
    parts.pictures.upsert([_point(row, row.picture, words=False)])
    parts.words.upsert([_point(row, row.words, words=True)])


def _stored(runtime: Runtime, subject: Subject) -> Any:
    """Return a version with its stored vectors."""
    named = {"of_image": subject.image_id, "of_version": subject.version}
    with runtime.database.read() as session:
        return session.execute(_OF_VERSION, named).one()


def _point(row: Any, vector: bytes, *, words: bool) -> IndexedChunk:
    version: ProductImageVersion = row.ProductImageVersion
    text = keys.words_of(version.name, version.description)
    return IndexedChunk(
        chunk_id=point_id(version.image_id, version.version),
        document_id=version.image_id,
        project_id=row.ProductImage.project_id,
        version=version.version,
        dense=np.frombuffer(vector, dtype="<f4"),
        lexical=lexical_vector_of_passage(text, version.language) if words else NO_WORDS,
        metadata=version.metadata_,
    )


def _publish(runtime: Runtime, subject: Subject, workflow_id: str) -> Left | None:
    """Make the version the one that search returns and end the job, in one transaction.

    Returns what older versions leave behind; None, and does nothing, where the job has ended.
    """
    with runtime.database.write() as session:
        job = session.get_one(Job, subject.job_id)
        if not jobs.is_current(session, job, workflow_id):
            return None
        image = session.get_one(ProductImage, subject.image_id, with_for_update=LOCKED)
        refuse_replaced(image.published_version, subject.version)
        image.published_version = subject.version
        version = subject.version_in(session)
        left = remove_versions(session, session.scalars(_OLDER, _named(subject)).all())
        jobs.complete(
            session,
            job,
            result={
                **(job.inputs or {}),
                "searchable": True,
                "width": version.width,
                "height": version.height,
            },
        )
        failpoint("image.publishing")
    log.info("product.published", image_id=subject.image_id, version=subject.version)
    return left


def _take_back(runtime: Runtime, subject: Subject) -> None:
    """Remove the vectors of a version that was not published by this attempt nor another."""
    with runtime.database.read() as session:
        image = session.get(ProductImage, subject.image_id)
    if image is not None and image.published_version == subject.version:
        _remove_older(runtime, subject, Left())
        return
    for index in parts_of(runtime).every_index():
        index.delete(document_id=subject.image_id, version=subject.version)


def _remove_older(runtime: Runtime, subject: Subject, left: Left) -> None:
    if subject.version == 1:
        return
    for index in parts_of(runtime).every_index():
        index.delete(document_id=subject.image_id, before=subject.version)
    remove_left(runtime, left)


def _named(subject: Subject) -> dict[str, Any]:
    return {"of_image": subject.image_id, "below": subject.version}


def _next(runtime: Runtime, after: str) -> list[Any]:
    query = (
        _STORED.where(
            ProductImage.published_version == ProductImageVersion.version, ProductImage.id > after
        )
        .order_by(ProductImage.id)
        .limit(RESTORED_AT_ONCE)
    )
    with runtime.database.read() as session:
        return list(session.execute(query))


def _restore_some(runtime: Runtime, rows: list[Any]) -> int:
    parts, ids = parts_of(runtime), set[str]()
    if parts.has_model:
        pictures = [row for row in rows if row.picture is not None and _is_present(runtime, row)]
        lacking = [row for row in pictures if not parts.pictures.count(document_id=_id(row))]
        parts.pictures.upsert([_point(row, row.picture, words=False) for row in lacking])
        ids |= {_id(row) for row in lacking}
    named = [row for row in rows if row.words is not None and _has_present_words(runtime, row)]
    lacking = [row for row in named if not parts.words.count(document_id=_id(row))]
    parts.words.upsert([_point(row, row.words, words=True) for row in lacking])
    return len(ids | {_id(row) for row in lacking})


def _id(row: Any) -> str:
    return str(row.ProductImage.id)


def _is_present(runtime: Runtime, row: Any) -> bool:
    """Tell whether a picture's vector is the present model's."""
    parts = parts_of(runtime)
    version: ProductImageVersion = row.ProductImageVersion
    tenant_id = row.ProductImage.tenant_id
    return not parts.has_model or version.image_key == keys.picture_key(
        tenant_id, parts.facts.name, version.content_hash
    )


def _has_present_words(runtime: Runtime, row: Any) -> bool:
    version: ProductImageVersion = row.ProductImageVersion
    text = keys.words_of(version.name, version.description)
    tenant_id = row.ProductImage.tenant_id
    return version.text_key == keys.words_key(tenant_id, runtime.embedder.name, text)


_picture, _words = aliased(ImageEmbedding), aliased(ImageEmbedding)
_STORED = (
    sa.select(
        ProductImageVersion,
        ProductImage,
        _picture.vector.label("picture"),
        _words.vector.label("words"),
    )
    .join(ProductImage, ProductImage.id == ProductImageVersion.image_id)
    .outerjoin(_picture, _picture.key == ProductImageVersion.image_key)
    .outerjoin(_words, _words.key == ProductImageVersion.text_key)
)
_OF_VERSION = _STORED.where(
    ProductImageVersion.image_id == sa.bindparam("of_image"),
    ProductImageVersion.version == sa.bindparam("of_version"),
)
_COUNT = (
    sa.select(sa.func.count())
    .select_from(ProductImage)
    .where(ProductImage.published_version.is_not(None))
)
# One that is still being built ends by itself, and then removes what it has.
_OLDER = (
    sa.select(ProductImageVersion)
    .outerjoin(Job, Job.id == ProductImageVersion.job_id)
    .where(
        ProductImageVersion.image_id == sa.bindparam("of_image"),
        ProductImageVersion.version < sa.bindparam("below"),
        sa.or_(Job.id.is_(None), Job.outcome.is_not(None)),
    )
)
