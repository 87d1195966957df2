"""What the steps of a job work on."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.compute.pool import Owner
from ragline.errors import NotFound
from ragline.jobs import service as jobs
from ragline.models import Document, Job


@dataclass(frozen=True, slots=True)
class Subject:
    """The document and version that a job builds."""

    job_id: str
    workflow_id: str
    document_id: str
    project_id: str
    tenant_id: str
    version: int
    title: str
    media_type: str
    content_hash: str

    @property
    def owner(self) -> Owner:
        """For whom children work on it."""
        return Owner(self.workflow_id, self.tenant_id)

    def job_in(self, session: Session) -> Job:
        """Return the job for a change by this attempt; raise `Superseded` if it may not."""
        return jobs.open_job(session, self.job_id, self.workflow_id)


def load_subject(runtime: Runtime, job_id: str) -> Subject:
    """Return what a job works on, to the attempt that asks.

    Raises `NotFound` if it was deleted meanwhile, and `Superseded` where another attempt took
    over: a late try of a step would work on what is that one's.
    """
    query = (
        sa.select(
            Job.version,
            Job.workflow_id,
            Document.id,
            Document.project_id,
            Document.tenant_id,
            Document.title,
            Document.media_type,
            Document.content_hash,
        )
        .join(Document, Document.id == Job.document_id)
        .where(Job.id == job_id)
    )
    with runtime.database.read() as session:
        row = session.execute(query).one_or_none()
    if row is None or row.version is None or row.workflow_id is None:
        raise NotFound("The document was deleted while it was being ingested.")
    asking = runtime.engine.workflow_id()
    if asking != row.workflow_id and not asking.startswith(f"{row.workflow_id}-pages-"):
        raise jobs.Superseded("Another attempt took over; what this one still did is dropped.")
    return Subject(
        job_id=job_id,
        workflow_id=row.workflow_id,
        document_id=row.id,
        project_id=row.project_id,
        tenant_id=row.tenant_id,
        version=row.version,
        title=row.title,
        media_type=row.media_type,
        content_hash=row.content_hash,
    )
