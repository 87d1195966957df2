"""Stored files, named by the SHA-256 of their content."""

from __future__ import annotations

import hashlib
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_COPY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Blob:
    """A stored file: the hex SHA-256 of its content and its size in bytes."""

    content_hash: str
    size: int


class BlobStore:
    """A folder of files that are never changed once they are there."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"

    def prepare(self) -> None:
        """Make the folder and drop what an interrupted process was still receiving."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        for leftover in self._incoming.iterdir():
            leftover.unlink()

    def store(self, source: BinaryIO) -> Blob:
        """Copy a stream in; the same content is kept once. Memory use is constant."""
        digest, size = hashlib.sha256(), 0
        temporary = self._incoming / uuid.uuid4().hex
        try:
            with temporary.open("xb") as target:
                while piece := source.read(_COPY_BYTES):
                    digest.update(piece)
                    size += len(piece)
                    target.write(piece)
                target.flush()
                # A row must never outlive its file, so the file is durable first.
                os.fsync(target.fileno())
            blob = Blob(digest.hexdigest(), size)
            final = self.path(blob.content_hash)
            final.parent.mkdir(exist_ok=True)
            os.replace(temporary, final)
            _sync_folder(final.parent)
        finally:
            temporary.unlink(missing_ok=True)
        return blob

    def path(self, content_hash: str) -> Path:
        """Return where the file with this hash is, or would be."""
        return self._root / content_hash[:2] / content_hash

    def delete(self, content_hash: str) -> bool:
        """Remove a file; return whether it was there."""
        path = self.path(content_hash)
        if not path.exists():
            return False
        path.unlink()
        return True


def _sync_folder(folder: Path) -> None:
    """Make a new name durable, and with it the folder's own name in the one above."""
    for each in (folder, folder.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
