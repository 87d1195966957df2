"""What the steps of a job work on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from ragline.bootstrap import Runtime
from ragline.compute.pool import Owner
from ragline.database import LOCKED
from ragline.errors import NotFound, RaglineError
from ragline.jobs import service as jobs
from ragline.models import Document, DocumentVersion, Job, Project


class Outdated(RaglineError):
    """A later version of the document was published first: this one is not wanted any more."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The document and version that a job builds; what is said of it is the version's own.

    `index_id` is the index that its project was searched in when this was looked up.
    """

    job_id: str
    workflow_id: str
    document_id: str
    project_id: str
    index_id: str | None
    tenant_id: str
    version: int
    first_version: int
    title: str
    media_type: str
    content_hash: str
    metadata: dict[str, Any]
    replaces: bool

    @property
    def owner(self) -> Owner:
        """For whom children work on it."""
        return Owner(self.workflow_id, self.tenant_id)

    def job_in(self, session: Session) -> Job:
        """Return the job for a change by this attempt; raise `Superseded` if it may not."""
        return jobs.open_job(session, self.job_id, self.workflow_id)

    def fence(self, session: Session) -> None:
        """Raise `Superseded` where this attempt may not change anything."""
        self.job_in(session)


def load_subject(runtime: Runtime, job_id: str) -> Subject:
    """Return what a job works on, to the attempt that asks.

    Raises `NotFound` if it was deleted meanwhile, `Outdated` where a later version was published,
    and `Superseded` where another attempt took over: a late try of a step would work on what is
    that one's.
    """
    with runtime.database.read() as session:
        row = session.execute(_SUBJECT, {"of_job": job_id}).one_or_none()
    if row is None or row.Job.version is None or row.Job.workflow_id is None:
        raise NotFound("The document was deleted while it was being ingested.")
    job, document = row.Job, row.Document
    asking = runtime.engine.workflow_id()
    if asking != job.workflow_id and not asking.startswith(f"{job.workflow_id}-pages-"):
        raise jobs.Superseded("Another attempt took over; what this one still did is dropped.")
    if row.is_outdated:
        raise outdated()
    newer: DocumentVersion | None = row.DocumentVersion
    described = newer or document
    return Subject(
        job_id=job_id,
        workflow_id=job.workflow_id,
        document_id=document.id,
        project_id=document.project_id,
        index_id=row.index_id,
        tenant_id=document.tenant_id,
        version=job.version,
        first_version=(job.inputs or {}).get("version", 1),
        title=described.title,
        media_type=described.media_type,
        content_hash=newer.content_hash if newer else document.stored_hash,
        metadata=described.metadata_,
        replaces=newer is not None,
    )


def described(session: Session, subject: Subject) -> Document | DocumentVersion:
    """Return the row that keeps what a step found out: number of pages, language.

    It is that of the version, not of the one that is found meanwhile. Call it with the job
    locked. Raises `Outdated` where a later version was published.
    """
    newer = session.get(DocumentVersion, subject.job_id)
    if newer is not None:
        return newer
    document = session.get_one(Document, subject.document_id, with_for_update=LOCKED)
    refuse_outdated(session, subject.document_id, subject.version)
    return document


def refuse_outdated(session: Session, document_id: str, version: int) -> None:
    """Raise `Outdated` where a later version than this has been published.

    The document's row is to be locked, so that none is while this one is.
    """
    if is_outdated(session, document_id, version):
        raise outdated()


def is_outdated(session: Session, document_id: str, version: int) -> bool:
    """Tell whether a later version than this was published, or read and found empty."""
    later = session.scalar(_LATER, {"of_document": document_id, "built": version})
    return later is not None


def outdated() -> Outdated:
    """Return the error of a version that came too late."""
    return Outdated("A later version of this document was published first.")


_later = aliased(Job)
_SUBJECT = (
    sa.select(
        Job,
        Document,
        DocumentVersion,
        Project.index_id,
        sa.exists()
        .where(
            _later.document_id == Job.document_id,
            _later.kind == Job.kind,
            _later.version > Job.version,
            _later.outcome == "completed",
        )
        .label("is_outdated"),
    )
    .join(Document, Document.id == Job.document_id)
    .join(Project, Project.id == Document.project_id)
    .outerjoin(DocumentVersion, DocumentVersion.job_id == Job.id)
    .where(Job.id == sa.bindparam("of_job"))
)
_LATER = (
    sa.select(Job.id)
    .where(
        Job.document_id == sa.bindparam("of_document"),
        Job.kind == "ingest",
        Job.version > sa.bindparam("built"),
        Job.outcome == "completed",
    )
    .limit(1)
)
