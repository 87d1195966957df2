"""Stored files and what refers to them, kept in step under a lock on each file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import BinaryIO

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from ragline.blobs import Blob
from ragline.bootstrap import Runtime
from ragline.models import (
    Document,
    DocumentVersion,
    ImportFile,
    ProductImageVersion,
    UploadedFile,
)

_USES: tuple[InstrumentedAttribute[str] | InstrumentedAttribute[str | None], ...] = (
    Document.content_hash,
    Document.file_hash,
    DocumentVersion.content_hash,
    ImportFile.content_hash,
    ProductImageVersion.content_hash,
    ProductImageVersion.thumbnail_hash,
    UploadedFile.content_hash,
)
"""Every column that names stored files: what stands in none of them is removed."""


def ensure_files(
    runtime: Runtime, session: Session, files: Sequence[tuple[Blob, BinaryIO]]
) -> None:
    """Store files again that a deletion of the same content took away meanwhile.

    Until the writing block of the session ends, no deletion of these can run beside it.
    All are locked at once: two uploads of the same files in another order would wait for
    each other for ever.
    """
    runtime.database.lock(session, *{_lock_of(blob.content_hash) for blob, _ in files})
    for blob, stream in files:
        if not runtime.blobs.exists(blob.content_hash):
            stream.seek(0)
            runtime.blobs.store(stream)


def remove_file(runtime: Runtime, content_hash: str) -> int:
    """Remove a stored file that nothing refers to; return the number of files removed.

    The file's lock is held meanwhile: an upload of the same content looks for its
    file under that lock, so it either keeps this one or stores it again.
    """
    with runtime.database.write() as session:
        runtime.database.lock(session, _lock_of(content_hash))
        if in_use(session, [content_hash]):
            return 0
        return int(runtime.blobs.delete(content_hash))


def in_use(session: Session, hashes: Collection[str]) -> set[str]:
    """Return which of these stored files anything refers to."""
    uses = [sa.select(column).where(column.in_(hashes)) for column in _USES]
    return {found for found in session.scalars(sa.union(*uses)) if found is not None}


def lock_contents(
    runtime: Runtime,
    session: Session,
    project_id: str,
    content_hashes: Iterable[str],
    external_ids: Iterable[str] = (),
) -> None:
    """Let nobody else give a document of the project one of these contents or names meanwhile.

    To be called before any row is locked.
    """
    contents = [f"{project_id}:{each}" for each in content_hashes]
    names = [f"{project_id}:named:{each}" for each in external_ids]
    runtime.database.lock(session, *contents, *names)


def _lock_of(content_hash: str) -> str:
    return f"file:{content_hash}"
