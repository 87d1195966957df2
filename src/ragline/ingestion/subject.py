"""What the steps of a job work on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
    with runtime.database.read() as session:
        job = session.get_one(Job, job_id)
        document = session.get(Document, job.document_id)
        if document is None or job.version is None:
            raise NotFound("The document was deleted while it was being ingested.")
        return Subject(
            job_id=job.id,
            document_id=document.id,
            project_id=document.project_id,
            version=job.version,
            title=document.title,
            media_type=document.media_type,
            content_hash=document.content_hash,
            path=runtime.blobs.path(document.content_hash),
        )
