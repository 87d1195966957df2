"""When an index is built over a shard, and the steps of building it beside the server."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from ragline.errors import RaglineError
from ragline.failpoints import failpoint
from ragline.providers.vectorstores.qdrant_edge_build import command
from ragline.providers.vectorstores.qdrant_edge_live import LiveShard
from ragline.providers.vectorstores.qdrant_edge_shard import free_place, load_shard, translated
from ragline.settings.machine import CORES

# The copy, and the index beside it while it is built.
_SPACE = 3
_LOOK_SECONDS = 0.2

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Growth:
    """When an index is built: from so many chunks, and again when such a share has changed.

    It begins so many seconds after that was noticed, so that a short run does not begin it, and
    yields to everything else as far as the system's niceness of 19 means that.
    """

    chunks: int
    share: float
    settle_seconds: float = 5.0
    niceness: int = 19


class IndexBuilding:
    """Builds an index over a live shard whenever enough of it has changed; never two at once."""

    def __init__(
        self, live: LiveShard, path: Path, dimensions: int, growth: Growth, turn: Path
    ) -> None:
        """Build nothing yet: `consider` says when. Those with the same file `turn` take turns."""
        self._live = live
        self._path = path
        self._dimensions = dimensions
        self._growth = growth
        self._turn = turn
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._failed_at = 0

    def consider(self) -> None:
        """Begin building where enough has changed since the last time."""
        if not self._is_due() or self._stop.is_set():
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="edge-index", daemon=True)
                self._thread.start()

    @property
    def is_under_way(self) -> bool:
        """Whether an index is being built, or about to be."""
        return self._thread is not None

    def wait(self) -> None:
        """Return when nothing is being built."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def close(self) -> None:
        """Give up what is being built."""
        self._stop.set()
        self.wait()

    def _is_due(self) -> bool:
        if self._growth.chunks == 0:
            return False
        grown = self._growth.share * self._live.place.built_over
        return self._live.changed - self._failed_at >= max(self._growth.chunks, grown)

    def _run(self) -> None:
        try:
            self._stop.wait(self._growth.settle_seconds)
            with self._alone():
                while self._is_due() and not self._stop.is_set():
                    self._build()
        finally:
            with self._lock:
                self._thread = None

    def _build(self) -> None:
        folder = free_place(self._path)
        began = time.monotonic()
        try:
            size = _size(self._live.place.folder)
            self._require_room(size)
            log.info("edge_index.building", folder=str(self._path), megabytes=size >> 20)
            with self._live.copied_to(folder):
                failpoint("edge_index.copied")
                if self._child_built(folder):
                    failpoint("edge_index.built")
                    self._switch_to(folder)
        except (IndexNotBuilt, RaglineError, OSError) as error:
            # Searches go on without this index.
            self._failed_at = self._live.changed
            log.warning("edge_index.failed", folder=str(self._path), reason=str(error)[:500])
        finally:
            if self._live.place.folder != folder:
                shutil.rmtree(folder, ignore_errors=True)
        if self._live.place.folder == folder:
            self._failed_at = 0
            seconds = round(time.monotonic() - began, 1)
            chunks = self._live.place.built_over
            log.info("edge_index.built", folder=str(self._path), chunks=chunks, seconds=seconds)

    def _child_built(self, folder: Path) -> bool:
        """Return whether a child has built the index; not where this store is being closed."""
        threads = max(1, CORES // 2)
        with subprocess.Popen(  # noqa: S603 # this interpreter and paths of our own
            command(folder, self._dimensions, threads=threads, niceness=self._growth.niceness),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as child:
            while child.poll() is None:
                if self._stop.wait(_LOOK_SECONDS):
                    child.kill()
            told = child.stderr.read() if child.stderr is not None else b""
        if self._stop.is_set():
            return False
        if child.returncode != 0:
            said = told.decode(errors="replace").strip()[-300:]
            raise IndexNotBuilt(f"The child ended with {child.returncode}: {said or 'killed'}")
        return True

    def _switch_to(self, folder: Path) -> None:
        with translated():
            shard = load_shard(folder, self._dimensions)
        try:
            self._live.replace(shard, folder, stopped=self._stop.is_set)
        finally:
            if self._live.place.folder != folder:
                shard.close()

    def _require_room(self, size: int) -> None:
        free = shutil.disk_usage(self._path).free
        if free < _SPACE * size:
            raise IndexNotBuilt(
                f"The disk has {free >> 20} MB left and building takes up to "
                f"{_SPACE * size >> 20} MB."
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until no other index of this data directory is being built."""
        with self._turn.open("a") as file:
            while not self._stop.is_set():
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    self._stop.wait(_LOOK_SECONDS)
                else:
                    break
            yield


class IndexNotBuilt(Exception):
    """Why an index was not built; searches go on without it."""


def _size(folder: Path) -> int:
    """Return the bytes of the files below a folder, as far as they are there."""
    total = 0
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):  # the engine removes parts of its log meanwhile
            total += file.stat().st_size
    return total
