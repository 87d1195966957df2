"""Accepting documents: the file first, then its row and its job in one transaction."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.blobs import Blob
from ragline.bootstrap import Runtime
from ragline.documents.files import ensure_files, remove_file
from ragline.documents.schemas import Accepted, RejectedFile
from ragline.documents.views import view_of
from ragline.engine import queues
from ragline.errors import InvalidInput, UnsupportedMediaType
from ragline.failpoints import failpoint
from ragline.http.idempotency import Once, once
from ragline.jobs import service as jobs
from ragline.jobs.reading import statuses
from ragline.jobs.schemas import Problem
from ragline.jobs.views import fresh_view
from ragline.jobs.wishes import NO_WISHES, Wishes
from ragline.models import Document, Job, Project, new_id
from ragline.providers import tasks

HEAD_BYTES = 8192
# Locked, so that a retry of a document's job and another upload of it cannot cross.
_SAME_CONTENT = (
    sa.select(Document)
    .where(
        Document.project_id == sa.bindparam("project_id"),
        Document.content_hash.in_(sa.bindparam("hashes", expanding=True)),
    )
    .order_by(Document.id)
    .with_for_update(key_share=True)
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as received, with what its sender says about it."""

    stream: BinaryIO
    filename: str
    title: str | None = None
    external_id: str | None = None
    metadata: Mapping[str, Any] | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """An upload whose content is safe in the file store."""

    upload: Upload
    blob: Blob
    media_type: str


def text_upload(
    text: str, *, title: str | None, external_id: str | None, metadata: Mapping[str, Any]
) -> Upload:
    """Return the upload that a JSON text is."""
    return Upload(io.BytesIO(text.encode()), "text.txt", title, external_id, metadata, "text/plain")


def accept_uploads(
    runtime: Runtime,
    caller: Caller,
    project_id: str,
    uploads: Sequence[Upload],
    *,
    wishes: Wishes = NO_WISHES,
    key: str | None = None,
) -> Accepted:
    """Keep files and queue their ingestion; what cannot be taken harms no neighbour.

    Raises the file's own problem where the only file is rejected. Content that the
    project already holds gives the existing document and no new job, unless its last
    job failed or was cancelled: then it is ingested again. An idempotency `key` gives the
    same answer again.
    """
    stored, rejected = _store_all(runtime, uploads)
    failpoint("accept.stored")
    refused = [name for name, _ in rejected]
    asked = ("upload", project_id, _asked(stored), refused, asdict(wishes))
    kept = False

    def keep() -> Accepted:
        nonlocal kept
        accepted = _keep(runtime, caller, project_id, stored, rejected, wishes)
        kept = True
        return accepted

    try:
        return once(runtime.database, Once(caller.tenant_id, key, asked), Accepted, keep)
    except BaseException:
        kept = False
        raise
    finally:
        # No such project, no room, or a repetition: what was stored for it goes again, unless
        # a document has it.
        if not kept:
            for item in stored:
                remove_file(runtime, item.blob.content_hash)


def _asked(stored: Sequence[StoredUpload]) -> list[Any]:
    """Return what decides an upload's effect; a form's boundaries differ from time to time."""
    return [
        {
            "content": item.blob.content_hash,
            "filename": item.upload.filename,
            "title": item.upload.title,
            "external_id": item.upload.external_id,
            "metadata": dict(item.upload.metadata or {}),
        }
        for item in stored
    ]


def _keep(
    runtime: Runtime,
    caller: Caller,
    project_id: str,
    stored: Sequence[StoredUpload],
    rejected: list[tuple[str, Problem]],
    wishes: Wishes,
) -> Accepted:
    """Write documents, jobs and their places in the queue, in one transaction."""
    with runtime.database.write() as session:
        project = owned_project(session, caller.tenant_id, project_id)
        hashes = {item.blob.content_hash for item in stored}
        # The same content, sent to the same project twice at once, is one document.
        runtime.database.lock(session, *(f"{project.id}:{each}" for each in hashes))
        ensure_files(runtime, session, [(item.blob, item.upload.stream) for item in stored])
        documents, known = _find_or_add(session, project, stored)
        unread = [d for d in documents if known.get(d.id) in (None, "failed", "cancelled")]
        job = _queue(session, runtime, project, unread, rejected, wishes)
        view = None
        if job is not None:
            children = 0 if job.workflow_id else len(unread)
            view = fresh_view(job, tags=list(wishes.tags), children=children)
        session.flush()
        failpoint("accept.committing")
    failpoint("accept.committed")
    queued = "pending" if view is not None and view.status == "pending" else "queued"
    status_of = known | dict.fromkeys((document.id for document in unread), queued)
    return Accepted(
        job=view,
        documents=[view_of(document, status_of[document.id]) for document in documents],
        rejected=[RejectedFile(filename=name, problem=problem) for name, problem in rejected],
    )


def statuses_of(session: Session, documents: Sequence[Document]) -> dict[str, str]:
    """Return each document's status, that of its latest job."""
    ids = [document.id for document in documents]
    latest = (
        sa.select(Job.document_id, Job.id)
        .where(Job.document_id.in_(ids), Job.kind == "ingest")
        .order_by(Job.created_at, Job.id)
    )
    job_of = {str(document): job for document, job in session.execute(latest)}
    status_of = statuses(session, list(job_of.values()))
    return {document: status_of[job] for document, job in job_of.items()}


def _store_all(
    runtime: Runtime, uploads: Sequence[Upload]
) -> tuple[list[StoredUpload], list[tuple[str, Problem]]]:
    stored: list[StoredUpload] = []
    rejected: list[tuple[str, Problem]] = []
    for upload in uploads:
        try:
            stored.append(_store(runtime, upload))
        except InvalidInput as error:
            if len(uploads) == 1:
                raise
            rejected.append((upload.filename, Problem(**jobs.describe(error))))
    if not stored:
        reasons = " ".join(f"{name}: {problem.detail}" for name, problem in rejected)
        raise InvalidInput(f"None of the files could be taken. {reasons}")
    return stored, rejected


def _store(runtime: Runtime, upload: Upload) -> StoredUpload:
    """Judge a file by its first bytes, then keep it; nothing is kept of a rejected one."""
    head = upload.stream.read(HEAD_BYTES)
    if not head:
        raise InvalidInput(f"The file {upload.filename!r} is empty; send one with content.")
    media_type = upload.media_type or tasks.detect_media_type(head, upload.filename)
    if media_type is None:
        raise UnsupportedMediaType(
            f"Nothing here reads the content of {upload.filename!r}, whatever its name says; "
            "send PDF, DOCX, HTML, Markdown or plain text."
        )
    upload.stream.seek(0)
    return StoredUpload(upload, runtime.blobs.store(upload.stream), media_type)


def _find_or_add(
    session: Session, project: Project, stored: Sequence[StoredUpload]
) -> tuple[list[Document], dict[str, str]]:
    """Return the document of each content, once, and the status of those that were there."""
    hashes = {item.blob.content_hash for item in stored}
    same = session.scalars(_SAME_CONTENT, {"project_id": project.id, "hashes": list(hashes)})
    found = {document.content_hash: document for document in same}
    known = statuses_of(session, list(found.values())) if found else {}
    for item in stored:
        document = found.get(item.blob.content_hash)
        if document is None:
            document = found[item.blob.content_hash] = _new_document(project, item)
            session.add(document)
        elif known.get(document.id) in ("failed", "cancelled"):
            # It may have failed under a wrong name: what was said last counts.
            _describe(document, item)
    in_order = dict.fromkeys(item.blob.content_hash for item in stored)
    return [found[content_hash] for content_hash in in_order], known


def _new_document(project: Project, item: StoredUpload) -> Document:
    document = Document(
        id=new_id(),
        tenant_id=project.tenant_id,
        project_id=project.id,
        content_hash=item.blob.content_hash,
        size_bytes=item.blob.size,
        latest_version=0,
    )
    _describe(document, item)
    return document


def _describe(document: Document, item: StoredUpload) -> None:
    """Give a document what its sender says about it."""
    upload = item.upload
    document.title = upload.title or _title_from(upload.filename)
    document.filename = upload.filename
    document.external_id = upload.external_id
    document.media_type = item.media_type
    document.metadata_ = dict(upload.metadata or {})


def _title_from(filename: str) -> str:
    stem = filename.rpartition(".")[0] or filename
    return stem.replace("_", " ").strip() or filename


def _queue(
    session: Session,
    runtime: Runtime,
    project: Project,
    documents: Sequence[Document],
    rejected: Sequence[tuple[str, Problem]],
    wishes: Wishes,
) -> Job | None:
    """Queue one job a document, under a parent where there are several; return the top one."""
    if not documents:
        return None
    if len(documents) == 1 and not rejected:
        return queue_ingestion(session, runtime, documents[0], wishes=wishes)
    parent = _open_parent(session, project, documents, rejected, wishes)
    for document in documents:
        queue_ingestion(session, runtime, document, parent_id=parent.id, wishes=wishes)
    return parent


def queue_ingestion(
    session: Session,
    runtime: Runtime,
    document: Document,
    *,
    parent_id: str | None = None,
    wishes: Wishes = NO_WISHES,
) -> Job:
    """Queue the building of a document's next version."""
    document.latest_version += 1
    job = Job(
        id=new_id(),
        tenant_id=document.tenant_id,
        project_id=document.project_id,
        parent_id=parent_id,
        document_id=document.id,
        kind="ingest",
        version=document.latest_version,
        progress_unit="pages",
        inputs={
            "document_id": document.id,
            "version": document.latest_version,
            "content_hash": document.content_hash,
            "media_type": document.media_type,
            "filename": document.filename,
            "size_bytes": document.size_bytes,
        },
    )
    jobs.accept(
        session,
        runtime,
        job,
        workflow="ingest",
        queue=queues.INGEST,
        timeout_seconds=runtime.settings.ingest_seconds,
        wishes=wishes,
    )
    return job


def _open_parent(
    session: Session,
    project: Project,
    documents: Sequence[Document],
    rejected: Sequence[tuple[str, Problem]],
    wishes: Wishes,
) -> Job:
    parent = Job(
        id=new_id(),
        tenant_id=project.tenant_id,
        project_id=project.id,
        kind="import",
        progress_unit="documents",
        progress_total=len(documents),
        warnings=[
            {"code": "file-rejected", "message": f"{name}: {problem.detail}"}
            for name, problem in rejected
        ],
    )
    jobs.accept_parent(session, parent, wishes=wishes)
    return parent
