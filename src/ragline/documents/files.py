"""Stored files and the documents that refer to them, kept in step under the writers' lock."""

from __future__ import annotations

from typing import BinaryIO

import sqlalchemy as sa

from ragline.blobs import Blob
from ragline.bootstrap import Runtime
from ragline.models import Document


def ensure_file(runtime: Runtime, blob: Blob, stream: BinaryIO) -> None:
    """Store a file again if a deletion of the same content took it away meanwhile.

    Called inside a writing block, so that no deletion can run beside it.
    """
    if not runtime.blobs.path(blob.content_hash).exists():
        stream.seek(0)
        runtime.blobs.store(stream)


def remove_file(runtime: Runtime, content_hash: str) -> int:
    """Remove a stored file that no document refers to; return the number of files removed.

    The writers' lock is held meanwhile: an upload of the same content looks for its
    file under that lock, so it either keeps this one or stores it again.
    """
    with runtime.database.write() as session:
        used = sa.select(Document.id).where(Document.content_hash == content_hash).limit(1)
        if session.scalar(used) is not None:
            return 0
        return int(runtime.blobs.delete(content_hash))
