"""Stored files and what refers to them, kept in step under a lock on each file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import BinaryIO

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.blobs import Blob
from ragline.bootstrap import Runtime
from ragline.models import Document, UploadedFile


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
    """Return which of these stored files a document or an uploaded file refers to."""
    uses = [
        sa.select(table.content_hash).where(table.content_hash.in_(hashes))
        for table in (Document, UploadedFile)
    ]
    return set(session.scalars(sa.union(*uses)))


def _lock_of(content_hash: str) -> str:
    return f"file:{content_hash}"
