"""Copies of stored files on this machine's disk, kept for a while and never over a bound."""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakValueDictionary

import structlog

from ragline.blobs.contract import name_of
from ragline.errors import PermanentProviderError

MOST_BYTES = 4 * 1024**3
IDLE_SECONDS = 3600.0
"""Time after its last use for which a copy is kept: deleted documents leave here as well."""
LOOK_SECONDS = 60.0
LEFTOVER_SECONDS = 24 * 3600

log = structlog.get_logger()


class LocalCopies:
    """A folder of copies, each held by a shared file lock while somebody uses it.

    The lock belongs to an open file, so it serves threads and processes alike, and the
    system takes it back from a process that dies.
    """

    def __init__(
        self, root: Path, *, most_bytes: int = MOST_BYTES, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        """Keep up to `most_bytes`, and more only while more than that is in use at once."""
        self._root = root
        self._most_bytes = most_bytes
        self._idle_seconds = idle_seconds
        self._guard = threading.Lock()
        self._fetching: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._bytes = 0
        self._looked = 0.0

    def prepare(self) -> None:
        """Make the folder and drop what is too old."""
        self._root.mkdir(parents=True, exist_ok=True)
        self._trim()

    @contextmanager
    def hold(self, content_hash: str, fetch: Callable[[], Iterable[bytes]]) -> Iterator[Path]:
        """Give a whole copy that stays until the block ends; `fetch` gives what is not there."""
        path = self._path(content_hash)
        descriptor = self._held(path)
        if descriptor is None:
            descriptor = self._fetched(path, fetch)
        try:
            yield path
        finally:
            os.close(descriptor)

    def drop(self, content_hash: str) -> None:
        """Remove a copy that nobody uses."""
        _remove_unused(self._path(content_hash))

    def _path(self, content_hash: str) -> Path:
        return self._root / Path(name_of(content_hash)).name

    def _held(self, path: Path) -> int | None:
        """Return the open and locked file of a copy, or None without it."""
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if os.fstat(descriptor).st_nlink == 0:  # removed between the two calls
            os.close(descriptor)
            return None
        os.utime(descriptor)
        return descriptor

    def _fetched(self, path: Path, fetch: Callable[[], Iterable[bytes]]) -> int:
        with self._guard:
            lock = self._fetching.get(path.name) or threading.Lock()
            self._fetching[path.name] = lock
        with lock:
            while (descriptor := self._held(path)) is None:
                self._fetch(path, fetch)
        if self._bytes > self._most_bytes or time.monotonic() - self._looked > LOOK_SECONDS:
            self._trim()
        return descriptor

    def _fetch(self, path: Path, fetch: Callable[[], Iterable[bytes]]) -> None:
        # People empty caches by hand, and the folder with them.
        self._root.mkdir(parents=True, exist_ok=True)
        temporary = self._root / f"{uuid.uuid4().hex}.part"
        digest = hashlib.sha256()
        try:
            with temporary.open("xb") as target:
                for piece in fetch():
                    digest.update(piece)
                    target.write(piece)
                target.flush()
                os.fsync(target.fileno())
                size = target.tell()
            if digest.hexdigest() != path.name:
                log.error("files.damaged", content_hash=path.name, received=digest.hexdigest())
                raise PermanentProviderError(
                    "The stored file of this document is damaged; upload the document again."
                )
            try:
                # A link, for it never replaces a copy that another process holds.
                os.link(temporary, path)
            except FileExistsError:
                return
        finally:
            temporary.unlink(missing_ok=True)
        with self._guard:
            self._bytes += size

    def _trim(self) -> None:
        """Remove unused copies: old ones, then the least recently used over the bound."""
        with self._guard:
            self._looked = time.monotonic()
            now, found = time.time(), []
            for entry in os.scandir(self._root):
                try:
                    found.append((entry.stat().st_mtime, entry.stat().st_size, Path(entry.path)))
                except FileNotFoundError:
                    continue  # another process trims the same folder
            held = sum(size for _, size, _ in found)
            for used, size, path in sorted(found):
                age, partial = now - used, path.suffix == ".part"
                if partial and age < LEFTOVER_SECONDS:
                    continue
                wanted = held <= self._most_bytes and age < self._idle_seconds
                if not wanted and _remove_unused(path):
                    held -= size
            self._bytes = held


def _remove_unused(path: Path) -> bool:
    """Remove a copy unless somebody holds it; return whether it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Removed meanwhile, the name may belong to a newer copy by now.
        if os.fstat(descriptor).st_nlink > 0:
            path.unlink()
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
