"""What the steps of a job work on."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.compute.pool import Owner
from ragline.errors import NotFound, RaglineError
from ragline.jobs import service as jobs
from ragline.models import Job, ProductImage, ProductImageVersion


class Replaced(RaglineError):
    """A later update of the product is published already; this one has nothing left to do."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The version of a product that a job builds."""

    job_id: str
    workflow_id: str
    image_id: str
    version: int
    tenant_id: str
    project_id: str
    content_hash: str
    media_type: str

    @property
    def owner(self) -> Owner:
        """For whom children work on it."""
        return Owner(self.workflow_id, self.tenant_id)

    def job_in(self, session: Session) -> Job:
        """Return the job for a change by this attempt; raise `Superseded` if it may not."""
        return jobs.open_job(session, self.job_id, self.workflow_id)

    def version_in(self, session: Session) -> ProductImageVersion:
        """Return the version for a change by this attempt; the job is locked before."""
        return session.get_one(ProductImageVersion, (self.image_id, self.version))


def load_subject(runtime: Runtime, job_id: str) -> Subject:
    """Return what a job builds, to the attempt that asks.

    Raises `NotFound` where the product was deleted, `Replaced` where a later update of it took
    the place of this one, and `Superseded` where another attempt took over.
    """
    with runtime.database.read() as session:
        row = session.execute(_SUBJECT, {"of_job": job_id}).one_or_none()
        workflow_id = session.get_one(Job, job_id).workflow_id
    asking = runtime.engine.workflow_id()
    if asking != workflow_id:
        raise jobs.Superseded("Another attempt took over; what this one still did is dropped.")
    if row is None:
        raise NotFound("The product was deleted or updated since; this version of it is gone.")
    refuse_replaced(row.published_version, row.version)
    return Subject(
        job_id=job_id,
        workflow_id=asking,
        image_id=row.image_id,
        version=row.version,
        tenant_id=row.tenant_id,
        project_id=row.project_id,
        content_hash=row.content_hash,
        media_type=row.media_type,
    )


def refuse_replaced(published: int | None, version: int) -> None:
    """Raise `Replaced` where a later version than this one is published."""
    if published is not None and published > version:
        raise Replaced("The product was updated since; its later version counts.")


def is_replaced(runtime: Runtime, job_id: str) -> bool:
    """Tell whether a later update of the product is published than the one that a job builds."""
    with runtime.database.read() as session:
        row = session.execute(_SUBJECT, {"of_job": job_id}).one_or_none()
    return row is not None and (row.published_version or 0) > row.version


_SUBJECT = (
    sa.select(
        ProductImageVersion.image_id,
        ProductImageVersion.version,
        ProductImageVersion.content_hash,
        ProductImageVersion.media_type,
        ProductImage.tenant_id,
        ProductImage.project_id,
        ProductImage.published_version,
    )
    .join(ProductImage, ProductImage.id == ProductImageVersion.image_id)
    .where(ProductImageVersion.job_id == sa.bindparam("of_job"))
)
