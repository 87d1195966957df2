"""What every file store does, and what they all share."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from ragline.errors import InvalidInput, NotFound, TemporaryProviderError

HASH = re.compile(r"[0-9a-f]{64}")
_COPY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Blob:
    """A stored file: the hex SHA-256 of its content and its size in bytes."""

    content_hash: str
    size: int


@dataclass(frozen=True, slots=True)
class Stream:
    """The content of a file that is not on this machine: its size in bytes, and its pieces."""

    size: int
    pieces: Iterator[bytes]


class BlobStore(Protocol):
    """Files that are never changed once they are there; safe to use from many threads.

    Whatever takes a content hash raises `InvalidInput` where it is none. Everything raises
    `TemporaryProviderError` while the store does not answer, `PermanentProviderError` where
    it refuses, and `OSError` (ENOSPC, EDQUOT) where a disk is full.
    """

    def prepare(self) -> None:
        """Make the store ready; raise `ConfigurationError` where it cannot be used.

        Safe to call again at any time: drops what processes that died left behind.
        """

    def store(self, source: BinaryIO) -> Blob:
        """Keep what is left in a stream; once it returns, all processes can read it for good.

        Memory use is constant. Nothing is kept under the file's name unless all of it is;
        the same content is kept once.
        """

    def exists(self, content_hash: str) -> bool:
        """Tell whether a file is there, by one look at the store."""

    def delete(self, content_hash: str) -> bool:
        """Remove a file; return whether it was there."""

    def open(self, content_hash: str) -> Path | Stream:
        """Return a file to send on: where it is, or its content; raise `NotFound` without it."""

    def local(self, content_hash: str) -> AbstractContextManager[Path]:
        """Give a path on this machine that child processes can open until the block ends.

        Raises `NotFound` where the file is gone.
        """

    def hashes(self, *, older_than: datetime) -> Iterator[str]:
        """Go through the files stored before a moment; what is no stored file is left out."""


def name_of(content_hash: str) -> str:
    """Return a file's name below the root of its store, the same in every kind of store."""
    if not HASH.fullmatch(content_hash):
        raise InvalidInput("This is not the hash of a stored file: 64 hexadecimal digits.")
    return f"{content_hash[:2]}/{content_hash}"


def copy_hashed(source: BinaryIO, target: BinaryIO) -> Blob:
    """Copy what is left in a stream, and say what it was."""
    digest, size = hashlib.sha256(), 0
    while piece := source.read(_COPY_BYTES):
        digest.update(piece)
        size += len(piece)
        target.write(piece)
    return Blob(digest.hexdigest(), size)


def gone() -> NotFound:
    """Return the error for a file that is no longer in its store."""
    return NotFound("The stored file of this document is gone; upload the document again.")


def unavailable() -> TemporaryProviderError:
    """Return the error for a store that does not answer; the log says more."""
    return TemporaryProviderError("The file store does not answer now; try again shortly.")
