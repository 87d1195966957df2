"""Uploaded files: kept, listed, read back and deleted; a project's documents are files too."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_document
from ragline.accounts.service import Caller
from ragline.blobs import Stream
from ragline.bootstrap import Runtime
from ragline.documents.deletion import delete_document
from ragline.documents.receiving import ReceivedFile
from ragline.documents.storing import HEAD_BYTES
from ragline.errors import InvalidInput, NotFound
from ragline.http.idempotency import Once, once
from ragline.ingestion.files import ensure_files, remove_file
from ragline.models import Document, StoreFile, UploadedFile, now
from ragline.openai_api.file_schemas import FileFields, FileListing, FileObject
from ragline.openai_api.ids import own, shown, unknown
from ragline.openai_api.listing import Place, part_of
from ragline.openai_api.removing import remove_from_store
from ragline.openai_api.schemas import unix
from ragline.providers import tasks

UNKNOWN_MEDIA_TYPE = "application/octet-stream"
# A document that was not put into its project as an uploaded file has this purpose.
DOCUMENTS_PURPOSE = "assistants"


def keep_file(
    runtime: Runtime, caller: Caller, received: ReceivedFile, fields: FileFields, key: str | None
) -> FileObject:
    """Keep a file, of whatever kind; whether anything here reads it is seen later."""
    head = received.stream.read(HEAD_BYTES)
    if not head:
        raise InvalidInput(f"The file {received.filename!r} is empty; send one with content.")
    received.stream.seek(0)
    blob = runtime.blobs.store(received.stream)
    media_type = tasks.detect_media_type(head, received.filename) or UNKNOWN_MEDIA_TYPE
    life = fields.expires_after

    def keep() -> FileObject:
        with runtime.database.write() as session:
            ensure_files(runtime, session, [(blob, received.stream)])
            moment = now()
            row = UploadedFile(
                tenant_id=caller.tenant_id,
                filename=received.filename,
                purpose=fields.purpose,
                media_type=media_type,
                content_hash=blob.content_hash,
                size_bytes=blob.size,
                created_at=moment,
                expires_at=moment + timedelta(seconds=life.seconds) if life else None,
            )
            session.add(row)
            session.flush()
            return view_of(row)

    asked = ("file", blob.content_hash, received.filename, fields.model_dump())
    try:
        return once(runtime.database, Once(caller.tenant_id, key, asked), FileObject, keep)
    except Exception:
        remove_file(runtime, blob.content_hash)
        raise


def get_file(runtime: Runtime, caller: Caller, file_id: str) -> FileObject:
    """Return a file."""
    with runtime.database.read() as session:
        return view_of(owned_file(session, caller.tenant_id, file_id))


def list_files(
    runtime: Runtime, caller: Caller, wanted: FileListing
) -> tuple[list[FileObject], bool]:
    """Return uploaded files, and whether there are more."""
    query = sa.select(UploadedFile).where(of_tenant(caller.tenant_id))
    if wanted.purpose is not None:
        query = query.where(UploadedFile.purpose == wanted.purpose)

    def place_of(file_id: str) -> Place:
        file = owned_file(session, caller.tenant_id, file_id)
        return file.created_at, file.id

    with runtime.database.read() as session:
        order = (UploadedFile.created_at.expression, UploadedFile.id.expression)
        rows, more = part_of(session, query, order, wanted, place_of)
        return [view_of(row[0]) for row in rows], more


def open_file(
    runtime: Runtime, caller: Caller, file_id: str
) -> tuple[UploadedFile | Document, Path | Stream]:
    """Return a file with its content: where it is, or its pieces."""
    with runtime.database.read() as session:
        file = owned_file(session, caller.tenant_id, file_id)
    name = file.stored_hash if isinstance(file, Document) else file.content_hash
    return file, runtime.blobs.open(name)


def delete_file(runtime: Runtime, caller: Caller, file_id: str) -> None:
    """Delete a file, and take it out of all vector stores; safe to run again where it stopped.

    Raises `Conflict` where one of its documents is being ingested.
    """
    with runtime.database.read() as session:
        file = owned_file(session, caller.tenant_id, file_id)
        query = sa.select(StoreFile.project_id).where(StoreFile.file_id == file.id)
        projects = session.scalars(query).all()
    if isinstance(file, Document):
        delete_document(runtime, caller, file.id)
        return
    for project_id in projects:
        remove_from_store(runtime, caller, project_id, file.id)
    with runtime.database.write() as session:
        session.execute(sa.delete(UploadedFile).where(UploadedFile.id == file.id))
    remove_file(runtime, file.content_hash)


def owned_file(session: Session, tenant_id: str, file_id: str) -> UploadedFile | Document:
    """Return an uploaded file, or the document that has this id; raise `NotFound` for neither."""
    own_id = own("file-", file_id)
    query = sa.select(UploadedFile).where(of_tenant(tenant_id), UploadedFile.id == own_id)
    file = session.scalar(query)
    if file is not None:
        return file
    try:
        return owned_document(session, tenant_id, own_id)
    except NotFound:
        raise unknown("file-", file_id) from None


def view_of(file: UploadedFile | Document) -> FileObject:
    """Return a file as clients see it."""
    uploaded = file if isinstance(file, UploadedFile) else None
    expires = uploaded.expires_at if uploaded else None
    return FileObject(
        id=shown("file-", file.id),
        bytes=file.size_bytes,
        created_at=unix(file.created_at),
        expires_at=unix(expires) if expires else None,
        filename=file.filename,
        purpose=uploaded.purpose if uploaded else DOCUMENTS_PURPOSE,
    )


def of_tenant(tenant_id: str) -> sa.ColumnElement[bool]:
    """The tenant's files; one whose time is up is gone before it is removed.

    What is in a vector store stays, until it is taken out of there.
    """
    placed = sa.exists().where(StoreFile.file_id == UploadedFile.id)
    in_force = sa.or_(UploadedFile.expires_at.is_(None), UploadedFile.expires_at > now(), placed)
    return sa.and_(UploadedFile.tenant_id == tenant_id, in_force)
