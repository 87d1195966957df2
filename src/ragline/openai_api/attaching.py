"""Putting uploaded files into a vector store: documents, their jobs, and under which ids."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.blobs import Blob
from ragline.blobs.contract import gone
from ragline.bootstrap import Runtime
from ragline.documents.service import keep_all
from ragline.documents.storing import StoredUpload, Submission, Upload
from ragline.errors import UnsupportedMediaType
from ragline.jobs import ending
from ragline.jobs import service as jobs
from ragline.jobs.schemas import Problem
from ragline.models import Document, Job, Project, StoreFile, UploadedFile, new_id
from ragline.openai_api.attributes import Changed, give
from ragline.openai_api.files import UNKNOWN_MEDIA_TYPE, of_tenant
from ragline.openai_api.ids import own, unknown
from ragline.openai_api.store_rows import UNSUPPORTED
from ragline.openai_api.store_schemas import FileRequest


class _Kept(io.BytesIO):
    """Stands for the content of a file that is stored already: nobody sends it again."""

    def seek(self, _offset: int, _whence: int = 0, /) -> int:
        raise gone()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file that is asked for, and what is said about it."""

    file: UploadedFile
    request: FileRequest

    @property
    def is_readable(self) -> bool:
        """Whether anything here reads this kind of file."""
        return self.file.media_type != UNKNOWN_MEDIA_TYPE

    @property
    def stored(self) -> StoredUpload:
        """The same, as documents are accepted."""
        upload = Upload(_Kept(), self.file.filename, metadata=self.request.attributes)
        blob = Blob(self.file.content_hash, self.file.size_bytes)
        return StoredUpload(upload, blob, self.file.media_type)


@dataclass(frozen=True, slots=True)
class Attached:
    """What became of a request: its job, and the documents whose attributes are new."""

    job_id: str
    changed: Sequence[Changed]


def attach(
    runtime: Runtime,
    session: Session,
    caller: Caller,
    project_id: str,
    asked: Sequence[FileRequest],
) -> Attached:
    """Put files into a project, in the caller's transaction.

    Content that is there already is the existing document; it is given the attributes, if
    there are any. What nothing here reads is kept as failed. There is always a job: where
    nothing is to be done, one that has ended.

    Raises:
        NotFound: the caller has no such project or file.
        Conflict: a document whose attributes would change is being ingested for another request.
    """
    project = owned_project(session, caller.tenant_id, project_id)
    wanted = _held(session, caller, asked)
    readable = [each for each in wanted if each.is_readable]
    refused = Problem(**jobs.describe(UnsupportedMediaType(UNSUPPORTED)))
    submission = Submission(
        stored=[each.stored for each in readable],
        rejected=[(each.file.filename, refused) for each in wanted if not each.is_readable],
    )
    # Two requests may bring the same file at once; documents have locks of their own.
    unread = [f"unread:{project_id}:{each.file.id}" for each in wanted if not each.is_readable]
    runtime.database.lock(session, *unread)
    accepted = keep_all(runtime, caller.tenant_id, project_id, [submission])[0]
    job_id = accepted.job.id if accepted.job else _ended_job(session, project, submission)
    taken = {each.file.id: file for each, file in zip(readable, accepted.files, strict=True)}
    new = {file.document_id for file in accepted.files if file.change == "new"}
    changed: list[Changed] = []
    for each in wanted:
        file = taken.get(each.file.id)
        document = session.get_one(Document, file.document_id) if file else None
        _place(session, project_id, each, document, job_id)
        if document is not None and each.request.attributes is not None:
            is_new = document.id in new
            changed += give(session, document, each.request.attributes, is_new=is_new)
    session.flush()
    return Attached(job_id, changed)


def _held(session: Session, caller: Caller, asked: Sequence[FileRequest]) -> list[_Wanted]:
    """Return the files, held so that nobody deletes them before they are in their project."""
    requests = {own("file-", request.file_id): request for request in asked}
    query = (
        sa.select(UploadedFile)
        .where(of_tenant(caller.tenant_id), UploadedFile.id.in_(requests))
        .order_by(UploadedFile.id)
        .with_for_update(read=True, key_share=True)
    )
    files = {file.id: file for file in session.scalars(query)}
    for file_id, request in requests.items():
        if file_id not in files:
            raise unknown("file-", request.file_id)
    return [_Wanted(files[file_id], request) for file_id, request in requests.items()]


def _place(
    session: Session, project_id: str, wanted: _Wanted, document: Document | None, job_id: str
) -> None:
    """Note as which document a file is in a project; a file that is there came once more."""
    placed = session.get(StoreFile, (project_id, wanted.file.id))
    if placed is None:
        placed = StoreFile(project_id=project_id, file_id=wanted.file.id)
        session.add(placed)
    placed.document_id = document.id if document else None
    placed.batch_id = job_id
    placed.attributes = dict(wanted.request.attributes or {}) if document is None else {}


def _ended_job(session: Session, project: Project, submission: Submission) -> str:
    """Return the job of a request that leaves nothing to do."""
    job = Job(
        id=new_id(),
        tenant_id=project.tenant_id,
        project_id=project.id,
        kind="import",
        progress_total=0,
        progress_unit="documents",
    )
    jobs.accept_parent(session, job)
    kept = session.get_one(Job, job.id)
    if submission.stored:
        ending.end(session, kept, "completed", result={})
    else:
        problem = submission.rejected[0][1].model_dump()
        ending.end(session, kept, "failed", error=problem, result={})
    return job.id
