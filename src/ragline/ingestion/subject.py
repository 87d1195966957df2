"""What the steps of a job work on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.errors import NotFound
from ragline.models import Document, Job


@dataclass(frozen=True, slots=True)
class Subject:
    """The document and version that a job builds."""

    job_id: str
    document_id: str
    project_id: str
    tenant_id: str
    version: int
    title: str
    media_type: str
    content_hash: str
    path: Path

    def job_in(self, session: Session) -> Job:
        """Return the job's row in this session."""
        return session.get_one(Job, self.job_id)


def load_subject(runtime: Runtime, job_id: str) -> Subject:
    """Return what a job works on; raise `NotFound` if it was deleted meanwhile."""
    query = (
        sa.select(
            Job.version,
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
    if row is None or row.version is None:
        raise NotFound("The document was deleted while it was being ingested.")
    return Subject(
        job_id=job_id,
        document_id=row.id,
        project_id=row.project_id,
        tenant_id=row.tenant_id,
        version=row.version,
        title=row.title,
        media_type=row.media_type,
        content_hash=row.content_hash,
        path=runtime.blobs.path(row.content_hash),
    )
