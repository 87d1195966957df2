"""What happens when a document cannot be ingested, or is not to be."""

from __future__ import annotations

from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.database import LOCKED
from ragline.indexes.opening import of_project
from ragline.ingestion.results import forget_versions
from ragline.ingestion.subject import is_outdated
from ragline.jobs import service as jobs
from ragline.jobs.undoing import Undoing
from ragline.models import Chunk, Document, Job, Page


def abandon(runtime: Runtime, job_id: str, error: BaseException, workflow_id: str) -> None:
    """End an attempt as failed; safe to run twice.

    Its vectors go; pages and passages stay, unseen, so that a retry begins where this attempt
    stopped. An attempt that has ended, or was superseded, changes nothing. Where a later version
    was published first, the job has nothing left to do: it ends well, and leaves nothing.
    """
    with runtime.database.write() as session:
        job = session.get_one(Job, job_id, with_for_update=LOCKED)
        document_id, version = job.document_id, job.version
        if document_id and version and is_outdated(session, document_id, version):
            ended = _end_outdated(session, job, workflow_id)
        else:
            ended = jobs.fail(session, job, error, workflow_id)
    if ended and document_id is not None and version is not None:
        _remove_vectors(runtime, str(job.project_id), document_id, version)


def _end_outdated(session: Session, job: Job, workflow_id: str) -> bool:
    if not jobs.is_current(session, job, workflow_id):
        return False
    for table in (Chunk, Page):
        forget_versions(session, str(job.document_id), table.version == job.version, table)
    message = "A later version of the document was published first; this one is not needed."
    jobs.complete(
        session,
        job,
        result={"document_id": job.document_id, "pages": 0, "chunks": 0, "outdated": True},
        warnings=[{"code": "outdated", "message": message}],
    )
    return True


def remove(runtime: Runtime, job: Job) -> dict[str, int]:
    """Take away what a cancelled attempt built and return the counts; safe to run twice.

    The texts of pages and the embeddings stay: they were paid for, and another attempt
    starts from them.
    """
    if job.document_id is None or job.version is None:
        return {}
    with runtime.database.write() as session:
        its_version = Chunk.version == job.version
        chunks = forget_versions(session, job.document_id, its_version, Chunk)
    vectors = _remove_vectors(runtime, str(job.project_id), job.document_id, job.version)
    return {"chunks": chunks, "vectors": vectors}


def _remove_vectors(runtime: Runtime, project_id: str, document_id: str, version: int) -> int:
    """Remove a version's vectors unless it was published after all."""
    with runtime.database.read() as session:
        document = session.get(Document, document_id)
        if document is not None and document.published_version == version:
            return 0
    return sum(
        index.store.delete(document_id=document_id, version=version)
        for index in of_project(runtime, project_id)
    )


UNDOING = Undoing(
    give_up=abandon,
    remove=remove,
    steps=("build_chunks", "tidy_chunks", "embed_chunks", "index_and_publish"),
)
