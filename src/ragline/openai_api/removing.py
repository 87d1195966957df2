"""Taking a file out of a vector store: its document goes, unless another file is the same."""

from __future__ import annotations

import sqlalchemy as sa

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.documents.deletion import delete_document
from ragline.models import Document, StoreFile
from ragline.openai_api.ids import shown, unknown


def remove_from_store(runtime: Runtime, caller: Caller, project_id: str, file_id: str) -> None:
    """Remove a file from a project of the caller's; safe to run again where it stopped.

    `file_id` is ours: that of an uploaded file, or of a document that came in another way.
    Raises `NotFound` where it is not there, and `Conflict` while it is being ingested.
    """
    with runtime.database.read() as session:
        placed = session.get(StoreFile, (project_id, file_id))
        document_id = placed.document_id if placed else file_id
        document = session.get(Document, document_id) if document_id else None
        if placed is None and (document is None or document.project_id != project_id):
            raise unknown("file-", shown("file-", file_id))
        same = sa.select(StoreFile.file_id).where(
            StoreFile.project_id == project_id,
            StoreFile.document_id == document_id,
            StoreFile.file_id != file_id,
        )
        is_shared = document is not None and session.scalar(same.limit(1)) is not None
    if document is not None and not is_shared:
        delete_document(runtime, caller, document.id)
    with runtime.database.write() as session:
        session.execute(
            sa.delete(StoreFile).where(
                StoreFile.project_id == project_id, StoreFile.file_id == file_id
            )
        )
