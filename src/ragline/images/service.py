"""Accepting products: the row of each and its job in one transaction."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_project
from ragline.bootstrap import Runtime
from ragline.database import insert_new
from ragline.documents.schemas import Change
from ragline.engine import queues
from ragline.errors import InvalidInput, RaglineError
from ragline.failpoints import failpoint
from ragline.http.idempotency import Once, once
from ragline.images.parts import NoImageModel
from ragline.images.schemas import ProductAccepted, ProductFields
from ragline.images.storing import StoredPicture
from ragline.images.workflow import IMAGE
from ragline.ingestion.files import ensure_files, remove_file
from ragline.jobs import service as jobs
from ragline.jobs.schemas import JobView
from ragline.jobs.views import fresh_view
from ragline.jobs.wishes import Wishes
from ragline.models import Job, ProductImage, ProductImageVersion, Project, new_id

AGAIN = ("failed", "cancelled")
"""What became of the latest job of a product that is built again though nothing changed."""
_GIVEN = ("name", "description", "metadata_", "content_hash", "media_type", "size_bytes")


@dataclass(frozen=True, slots=True)
class Submission:
    """A product as it was received; `key` is the request's idempotency key."""

    fields: ProductFields
    picture: StoredPicture | None
    key: str | None


@dataclass(frozen=True, slots=True)
class Taken:
    """What a product is to the project: its row, and the job it gave rise to, if it did."""

    image_id: str
    change: Change
    job: JobView | None


def accept(
    runtime: Runtime, tenant_id: str, project_id: str, submission: Submission
) -> ProductAccepted:
    """Queue the building of a product's next version, unless nothing about it changed.

    Of a product that is known, what the request leaves out stays as it is. What is searchable
    stays so until the new version is.
    """
    kept = False

    def make() -> ProductAccepted:
        nonlocal kept
        fields = submission.fields
        taken = keep(
            runtime, tenant_id, project_id, fields, submission.picture, wishes=fields.wishes
        )
        kept = True
        return ProductAccepted(job=taken.job, product_id=fields.product_id)

    request = Once(tenant_id, submission.key, ("image", project_id, *_asked(submission)))
    try:
        return once(runtime.database, request, ProductAccepted, make)
    finally:
        picture = submission.picture
        if not kept and picture is not None:
            # The answer stands already, and the clean-up finds what stays.
            with suppress(sa.exc.OperationalError, sa.exc.InterfaceError, RaglineError, OSError):
                remove_file(runtime, picture.blob.content_hash)


def refuse_without_model(runtime: Runtime) -> None:
    """Raise `NoImageModel` where nothing here looks at pictures."""
    if runtime.settings.image_embedder is None:
        raise NoImageModel


def _asked(submission: Submission) -> tuple[Any, ...]:
    """Return what decides the effect of a request; a form's boundaries differ each time."""
    if submission.key is None:
        return ()
    picture = submission.picture
    fields = submission.fields
    return (
        fields.model_dump(mode="json", exclude={"priority", "not_before", "tags"}),
        None if picture is None else picture.blob.content_hash,
        asdict(fields.wishes),
    )


def keep(
    runtime: Runtime,
    tenant_id: str,
    project_id: str,
    fields: ProductFields,
    picture: StoredPicture | None,
    *,
    wishes: Wishes,
    parent_id: str | None = None,
) -> Taken:
    """Write a product's next version and its job, in the caller's transaction if it is in one.

    Raises `NotFound` without the project, and `InvalidInput` for a new product that lacks its
    picture or its name.
    """
    with runtime.database.write() as session:
        project = owned_project(session, tenant_id, project_id)
        # The same product, sent twice at once, is one.
        runtime.database.lock(session, f"product:{project.id}:{fields.product_id}")
        if picture is not None:
            ensure_files(runtime, session, [(picture.blob, picture.stream)])
        image = _product(session, project.id, fields.product_id, lock=True)
        latest = None if image is None else _latest(session, image)
        values = _values(fields, picture, latest)
        change = _change(session, latest, values)
        if image is not None and change == "unchanged":
            return Taken(image.id, change, None)
        if image is None:
            image = _new(project, fields.product_id)
            insert_new(session, image)
        job = _build(runtime, session, image, values, wishes, parent_id)
        failpoint("image.accepting")
    return Taken(image.id, change, job)


def change_of(
    session: Session, project_id: str, fields: ProductFields, picture: StoredPicture | None
) -> Change:
    """Return what a product would be to a project; raises `InvalidInput` as `keep` does."""
    image = _product(session, project_id, fields.product_id)
    latest = None if image is None else _latest(session, image)
    return _change(session, latest, _values(fields, picture, latest))


def build_again(
    runtime: Runtime,
    session: Session,
    image: ProductImage,
    version: ProductImageVersion,
    *,
    wishes: Wishes,
    parent_id: str,
) -> Taken:
    """Write a version that says the same as its latest one, to be built by what is set now."""
    values = {name: getattr(version, name) for name in _GIVEN}
    return Taken(image.id, "again", _build(runtime, session, image, values, wishes, parent_id))


def _values(
    fields: ProductFields, picture: StoredPicture | None, latest: ProductImageVersion | None
) -> dict[str, Any]:
    """Return what the product is from now on: what was sent, else what it was."""
    values = {} if latest is None else {name: getattr(latest, name) for name in _GIVEN}
    given = {
        "name": fields.name,
        "description": fields.description,
        "metadata_": fields.metadata,
        "content_hash": picture and picture.blob.content_hash,
        "media_type": picture and picture.media_type,
        "size_bytes": picture and picture.blob.size,
    }
    values |= {name: value for name, value in given.items() if value is not None}
    if latest is None:
        missing = [name for name in ("name", "content_hash") if name not in values]
        if missing:
            wanted = " and ".join({"content_hash": "image"}.get(each, each) for each in missing)
            raise InvalidInput(
                f"There is no product {fields.product_id!r} in this project yet: send {wanted}."
            )
    return {"description": "", "metadata_": {}} | values


def _change(session: Session, latest: ProductImageVersion | None, values: dict[str, Any]) -> Change:
    """Return what a version with these values is beside the latest one."""
    if latest is None:
        return "new"
    if any(getattr(latest, name) != value for name, value in values.items()):
        return "changed"
    job = session.get(Job, latest.job_id)
    is_there = job is None or (job.outcome not in AGAIN and job.cancel_requested_at is None)
    return "unchanged" if is_there else "again"


def _build(
    runtime: Runtime,
    session: Session,
    image: ProductImage,
    values: dict[str, Any],
    wishes: Wishes,
    parent_id: str | None,
) -> JobView:
    """Write the next version and its job."""
    number = image.latest_version + 1
    session.execute(_RAISE, {"of_image": image.id, "to": number})
    job = Job(
        id=new_id(),
        tenant_id=image.tenant_id,
        project_id=image.project_id,
        parent_id=parent_id,
        kind=IMAGE,
        version=number,
        progress_unit="steps",
        inputs={
            "product_id": image.product_id,
            "version": number,
            "content_hash": values["content_hash"],
        },
    )
    insert_new(
        session, ProductImageVersion(image_id=image.id, version=number, job_id=job.id, **values)
    )
    jobs.accept(
        session,
        runtime,
        job,
        workflow=IMAGE,
        queue=queues.IMAGES,
        timeout_seconds=runtime.settings.image_seconds,
        wishes=wishes,
    )
    return fresh_view(job, tags=list(wishes.tags))


def _new(project: Project, product_id: str) -> ProductImage:
    return ProductImage(
        id=new_id(),
        tenant_id=project.tenant_id,
        project_id=project.id,
        product_id=product_id,
        latest_version=0,
    )


def _latest(session: Session, image: ProductImage) -> ProductImageVersion | None:
    return session.get(ProductImageVersion, (image.id, image.latest_version))


def _product(
    session: Session, project_id: str, product_id: str, *, lock: bool = False
) -> ProductImage | None:
    query = _PRODUCT.with_for_update(key_share=True) if lock else _PRODUCT
    return session.scalar(query, {"project": project_id, "product": product_id})


_PRODUCT = sa.select(ProductImage).where(
    ProductImage.project_id == sa.bindparam("project"),
    ProductImage.product_id == sa.bindparam("product"),
)
_RAISE = (
    sa.update(ProductImage)
    .where(ProductImage.id == sa.bindparam("of_image"))
    .values(latest_version=sa.bindparam("to"))
    .execution_options(synchronize_session=False)
)
