"""Stored files in a folder, which machines may share."""

from __future__ import annotations

import errno
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import structlog

from ragline.blobs.contract import HASH, Blob, copy_hashed, gone, name_of, unavailable
from ragline.errors import ConfigurationError

LEFTOVER_SECONDS = 24 * 3600
"""Age of a file in `incoming` that nobody is still receiving."""

log = structlog.get_logger()


class FolderStore:
    """A folder of files; others receive theirs in it at the same time, on this machine or not."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"
        self._durable: set[str] = set()
        """Folders whose own names are known to be durable."""

    def prepare(self) -> None:
        """Make the folder and drop what a process that died was still receiving."""
        try:
            self._incoming.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from error
        if not os.access(self._incoming, os.R_OK | os.W_OK | os.X_OK):
            raise self._unusable("permission denied")
        for entry in os.scandir(self._incoming):
            # Others clean up too: what was listed may be gone.
            modified = _modified(entry)
            if modified is not None and modified < time.time() - LEFTOVER_SECONDS:
                Path(entry.path).unlink(missing_ok=True)

    def store(self, source: BinaryIO) -> Blob:
        """Receive under a name of its own, then give the file its final name."""
        temporary = self._incoming / uuid.uuid4().hex
        try:
            target = temporary.open("xb")
        except FileNotFoundError as error:
            raise self._away(error) from error
        try:
            with target:
                blob = copy_hashed(source, target)
                target.flush()
                # A row must never outlive its file, so the file is durable first.
                os.fsync(target.fileno())
            self._publish(temporary, blob)
        finally:
            temporary.unlink(missing_ok=True)
        return blob

    def exists(self, content_hash: str) -> bool:
        """Tell whether the file is there."""
        return self._size(content_hash) is not None

    def delete(self, content_hash: str) -> bool:
        """Remove the file; whoever has it open reads it to its end."""
        if self._size(content_hash) is None:
            return False
        try:
            self._path(content_hash).unlink()
        except FileNotFoundError:
            return False
        return True

    def open(self, content_hash: str) -> Path:
        """Return where the file is."""
        if self._size(content_hash) is None:
            raise gone()
        return self._path(content_hash)

    @contextmanager
    def local(self, content_hash: str) -> Iterator[Path]:
        """Give the file itself."""
        yield self.open(content_hash)

    def hashes(self, *, older_than: datetime) -> Iterator[str]:
        """Go through the files stored before a moment, by the clock of the folder's machine."""
        moment = older_than.timestamp()
        for folder in sorted(self._root.glob("[0-9a-f][0-9a-f]")):
            for entry in os.scandir(folder):
                if HASH.fullmatch(entry.name) and entry.name.startswith(folder.name):
                    modified = _modified(entry)
                    if modified is not None and modified < moment:
                        yield entry.name

    def _path(self, content_hash: str) -> Path:
        return self._root / name_of(content_hash)

    def _size(self, content_hash: str) -> int | None:
        try:
            return self._path(content_hash).stat().st_size
        except FileNotFoundError as error:
            # A share that is not mounted looks like an empty folder: nothing is gone then.
            if not self._incoming.is_dir():
                raise self._away(error) from error
            return None
        except OSError as error:
            raise self._away(error) from error

    def _publish(self, temporary: Path, blob: Blob) -> None:
        final = self._path(blob.content_hash)
        # Replacing it would break a reader on another machine, where the folder is shared.
        if self._size(blob.content_hash) != blob.size:
            if final.parent.name not in self._durable:
                final.parent.mkdir(exist_ok=True)
                _sync(self._root)
                self._durable.add(final.parent.name)
            os.replace(temporary, final)
        _sync(final.parent)

    def _unusable(self, reason: str) -> ConfigurationError:
        return ConfigurationError(
            f"Files cannot be stored in the folder {self._root} ({reason}): let this process "
            "write there, or name another folder or bucket in RAGLINE_FILES_URL."
        )

    def _away(self, error: OSError) -> Exception:
        log.warning("files.unavailable", folder=str(self._root), error=repr(error))
        return unavailable()


def _modified(entry: os.DirEntry[str]) -> float | None:
    try:
        return entry.stat().st_mtime
    except FileNotFoundError:
        return None


def _sync(folder: Path) -> None:
    """Make new names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems keep names at once and know no such call.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
