"""Files of vector stores as rows: documents under the ids they came with, and what became of them.

A document that was sent to its project in another way has its own id as a file's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.models import Document, Job, StoreFile, UploadedFile
from ragline.openai_api.ids import own, shown, unknown
from ragline.openai_api.listing import Place, part_of
from ragline.openai_api.schemas import unix
from ragline.openai_api.store_schemas import (
    FileCounts,
    LastError,
    StoreFileListing,
    StoreFileObject,
    shown_attributes,
)

UNSUPPORTED = (
    "Nothing here reads the content of this file, whatever its name says; docs/formats.md lists "
    "what is read."
)
_CODES: dict[str, Literal["invalid_file"]] = {
    "unreadable-file": "invalid_file",
    "limit-exceeded": "invalid_file",
}

# The latest job of a document is the one that builds its latest version.
_documents = (
    sa.select(
        sa.func.coalesce(StoreFile.file_id, Document.id).label("file_id"),
        Document.project_id.label("project_id"),
        sa.func.coalesce(StoreFile.created_at, Document.created_at).label("created_at"),
        StoreFile.batch_id.label("batch_id"),
        Document.id.label("document_id"),
        Document.size_bytes.label("size_bytes"),
        Document.metadata_.label("attributes"),
        sa.func.coalesce(Job.outcome, "in_progress").label("status"),
        Job.error.label("error"),
    )
    .select_from(Document)
    # One condition with an index for each: with more, SQLite takes one that finds too much.
    .outerjoin(StoreFile, StoreFile.document_id == Document.id)
    .outerjoin(Job, sa.and_(Job.document_id == Document.id, Job.version == Document.latest_version))
)
_unread = (
    sa.select(
        StoreFile.file_id,
        StoreFile.project_id,
        StoreFile.created_at,
        StoreFile.batch_id,
        sa.null(),
        UploadedFile.size_bytes,
        StoreFile.attributes,
        sa.literal("failed"),
        sa.null(),
    )
    .join(UploadedFile, UploadedFile.id == StoreFile.file_id)
    .where(StoreFile.document_id.is_(None))
)
rows = sa.union_all(_documents, _unread).subquery("files_of_stores")


@dataclass(slots=True)
class Sums:
    """What a vector store or a batch holds in all."""

    counts: Counter[str] = field(default_factory=Counter)
    bytes: int = 0

    @property
    def shown(self) -> FileCounts:
        """The counts, as clients see them."""
        return FileCounts(**self.counts, total=self.counts.total())


def sums(
    session: Session, project_ids: Collection[str], *, batch: str | None = None
) -> dict[str, Sums]:
    """Return what each of these projects holds, or the part of it that came in a batch."""
    query = (
        sa.select(rows.c.project_id, rows.c.status, sa.func.count(), sa.func.sum(rows.c.size_bytes))
        .where(rows.c.project_id.in_(project_ids))
        .group_by(rows.c.project_id, rows.c.status)
    )
    if batch is not None:
        query = query.where(rows.c.batch_id == batch)
    found = {project_id: Sums() for project_id in project_ids}
    for project_id, status, count, size in session.execute(query):
        found[project_id].counts[status] += count
        found[project_id].bytes += int(size or 0) if status == "completed" else 0
    return found


def find(session: Session, project_id: str, file_id: str) -> Any:
    """Return the row of a file in a project; raise `NotFound` where it is not there."""
    query = sa.select(rows).where(
        rows.c.project_id == project_id, rows.c.file_id == own("file-", file_id)
    )
    row = session.execute(query).first()
    if row is None:
        raise unknown("file-", file_id)
    return row


def part(
    session: Session, project_id: str, wanted: StoreFileListing, *, batch: str | None = None
) -> tuple[list[StoreFileObject], bool]:
    """Return files of a project, or of a batch in it, and whether there are more."""
    query = sa.select(rows).where(rows.c.project_id == project_id)
    if batch is not None:
        query = query.where(rows.c.batch_id == batch)
    if wanted.filter is not None:
        query = query.where(rows.c.status == wanted.filter)

    def place_of(file_id: str) -> Place:
        row = find(session, project_id, file_id)
        return row.created_at, row.file_id

    found, more = part_of(session, query, (rows.c.created_at, rows.c.file_id), wanted, place_of)
    return [view_of(row) for row in found], more


def view_of(row: Any) -> StoreFileObject:
    """Return a file of a vector store as clients see it."""
    return StoreFileObject(
        id=shown("file-", row.file_id),
        created_at=unix(row.created_at),
        vector_store_id=shown("vs_", row.project_id),
        status=row.status,
        usage_bytes=row.size_bytes if row.status == "completed" else 0,
        last_error=_last_error(row) if row.status == "failed" else None,
        attributes=shown_attributes(row.attributes),
    )


def file_ids(session: Session, project_id: str, document_ids: Collection[str]) -> dict[str, str]:
    """Return the ids under which these documents came as files; the oldest of each."""
    query = (
        sa.select(StoreFile.document_id, StoreFile.file_id)
        .where(StoreFile.project_id == project_id, StoreFile.document_id.in_(document_ids))
        .order_by(StoreFile.created_at.desc(), StoreFile.file_id.desc())
    )
    return {str(document_id): file_id for document_id, file_id in session.execute(query)}


def filenames(session: Session, document_ids: Collection[str]) -> dict[str, str]:
    """Return the names of the files that these documents are."""
    query = sa.select(Document.id, Document.filename).where(Document.id.in_(document_ids))
    return {document_id: filename for document_id, filename in session.execute(query)}


def _last_error(row: Any) -> LastError:
    if row.document_id is None:
        return LastError(code="unsupported_file", message=UNSUPPORTED)
    error = row.error or {}
    slug = str(error.get("type", "")).rpartition("/")[2]
    return LastError(code=_CODES.get(slug, "server_error"), message=str(error.get("detail", "")))
