"""The shard that is being read and written, which another one may replace meanwhile."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TypeVar

from qdrant_edge import EdgeShard, Point, UpdateOperation
from qdrant_edge import Filter as EdgeFilter

from ragline.failpoints import failpoint
from ragline.providers.vectorstores.group_flush import GroupFlush
from ragline.providers.vectorstores.qdrant_edge_scope import projects_in
from ragline.providers.vectorstores.qdrant_edge_shard import (
    DENSE,
    LEXICAL,
    SHARD_PARTS,
    Place,
    make_current,
    open_shard,
    remove_others,
    translated,
)

FLUSH_PAUSE_SECONDS = 0.1
# A call holds the interpreter: so few chunks are copied at once that searches hardly wait.
_REPLAYED_AT_ONCE = 50
_REPLAY_PAUSE_SECONDS = 0.005
# So few are left to the moment in which writers have to wait.
_LAST_REPLAYED = 200
_COPIED_AT_ONCE = 1 << 20

T = TypeVar("T")


class Journal:
    """What was written since a copy was made: which chunks, and what was removed by which filter.

    Of the chunks only the ids are kept, since the live shard knows what has become of them.
    """

    def __init__(self) -> None:
        self.chunk_ids: set[str] = set()
        self.removals: list[EdgeFilter] = []
        self.fields: list[UpdateOperation] = []

    def __len__(self) -> int:
        return len(self.chunk_ids) + len(self.removals) + len(self.fields)


class LiveShard:
    """A shard for many threads, whose writes are on disk when they return."""

    def __init__(self, path: Path, dimensions: int) -> None:
        """Open the shard of an index folder, created first if there is none."""
        self._path = path
        self._writing = threading.Lock()
        self._shard, self.place = open_shard(path, dimensions)
        self._flushes = GroupFlush(self._flush, pause=FLUSH_PAUSE_SECONDS)
        self._journal: Journal | None = None
        info = self._shard.info()
        self.fields = set(info.payload_schema)
        self.projects = projects_in(self._shard)
        """The projects that have chunks here, or are about to have some."""
        self.changed = max(0, info.points_count - self.place.built_over)
        """Chunks written or removed since the index was built, as far as that is known."""

    @property
    def chunks(self) -> int:
        """The number of chunks held, as the engine knows it without counting."""
        return self.read(lambda shard: shard.info().points_count)

    def read(self, call: Callable[[EdgeShard], T]) -> T:
        """Return what a call gives; it is made again where the shard was replaced under it."""
        while True:
            shard = self._shard
            try:
                with translated():
                    return call(shard)
            except Exception:
                if shard is self._shard:
                    raise

    def upsert(self, points: list[Point]) -> None:
        """Write chunks of its projects; they are on disk when it returns."""
        with self._writing, translated():
            if self._journal is not None:
                self._journal.chunk_ids.update(str(point.id) for point in points)
            self._shard.update(UpdateOperation.upsert_points(points))
            self.changed += len(points)
            write = self._flushes.note_write()
        self._flushes.wait(write)

    def remove(self, among: EdgeFilter, held: int) -> None:
        """Remove chunks, which are said to be so many; that is on disk when it returns."""
        with self._writing, translated():
            self._shard.update(UpdateOperation.delete_points_by_filter(among))
            if self._journal is not None:
                self._journal.removals.append(among)
            self.changed += held
            write = self._flushes.note_write()
        self._flushes.wait(write)

    def index_field(self, field: str, operation: UpdateOperation) -> None:
        """Index a payload field."""
        with self._writing, translated():
            self._shard.update(operation)
            self.fields.add(field)
            if self._journal is not None:
                self._journal.fields.append(operation)
            write = self._flushes.note_write()
        self._flushes.wait(write)

    @contextmanager
    def copied_to(self, folder: Path) -> Iterator[None]:
        """Copy the shard into a folder, and note from there on what is written.

        Writers wait for the copy, searches do not.
        """
        with self._writing:
            with translated():
                self._shard.flush()
            folder.mkdir()
            for part in SHARD_PARTS:
                _copy(self.place.folder / part, folder / part)
            self._journal = Journal()
            changed = self.changed
            self.changed = 0
        try:
            yield
        finally:
            with self._writing:
                if self._journal is not None:
                    self._journal = None
                    self.changed += changed

    def replace(self, shard: EdgeShard, folder: Path, *, stopped: Callable[[], bool]) -> None:
        """Bring a copied shard up to date and read and write it from then on.

        Nothing is replaced where `stopped` says so in between.
        """
        while self._noted() > _LAST_REPLAYED:
            if stopped():
                return
            self._replay(self._taken(), shard, pause=_REPLAY_PAUSE_SECONDS)
        with self._writing, translated():
            assert self._journal is not None, "within copied_to"
            self._replay(self._journal, shard, pause=0)
            shard.flush()
            built_over = max(0, shard.info().points_count - self.changed)
            place = Place(folder, built_over)
            failpoint("edge_index.replayed")
            make_current(self._path, place)
            failpoint("edge_index.current")
            self._journal = None
            before, self._shard, self.place = self._shard, shard, place
        with suppress(Exception):  # a shard that is about to be deleted may fail to close
            before.close()
        failpoint("edge_index.replaced")
        remove_others(self._path, folder)

    def close(self) -> None:
        """Release the folder; closing twice is allowed."""
        with self._writing, translated():
            self._shard.close()

    def _flush(self) -> None:
        self.read(lambda shard: shard.flush())

    def _noted(self) -> int:
        with self._writing:
            assert self._journal is not None, "within copied_to"
            return len(self._journal)

    def _taken(self) -> Journal:
        """Return the journal so far, and begin another."""
        with self._writing:
            assert self._journal is not None, "within copied_to"
            taken, self._journal = self._journal, Journal()
            return taken

    def _replay(self, journal: Journal, shard: EdgeShard, *, pause: float) -> None:
        """Give another shard what a journal names as it is now, so that order does not matter.

        A chunk that was removed by a filter and written again is among the chunks, which come
        last; one that was removed after it was written is no longer to be found.
        """
        for operation in journal.fields:
            shard.update(operation)
        for among in journal.removals:
            shard.update(UpdateOperation.delete_points_by_filter(among))
        for some in _parts(journal.chunk_ids, _REPLAYED_AT_ONCE):
            records = self._shard.retrieve(list(some), True, [DENSE, LEXICAL])
            points = [Point(each.id, each.vector or {}, each.payload) for each in records]
            gone = set(some) - {str(each.id) for each in records}
            if points:
                shard.update(UpdateOperation.upsert_points(points))
            if gone:
                shard.update(UpdateOperation.delete_points(list(gone)))
            time.sleep(pause)


def _copy(source: Path, target: Path) -> None:
    """Copy a file or a folder without the holes of its files.

    The engine makes room in advance, so that most of a small shard is nothing.
    """
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_copy_file)
    elif source.exists():
        _copy_file(source, target)


def _copy_file(source: str | Path, target: str | Path) -> None:
    with open(source, "rb") as read, open(target, "wb") as written:
        size = os.fstat(read.fileno()).st_size
        written.truncate(size)
        for start, end in _filled(read.fileno(), size):
            read.seek(start)
            written.seek(start)
            while start < end:
                part = read.read(min(_COPIED_AT_ONCE, end - start))
                if not part:
                    break
                start += written.write(part)


def _filled(file: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield from where to where a file holds anything; all of it where that is not told."""
    start = 0
    while start < size:
        try:
            start = os.lseek(file, start, os.SEEK_DATA)
            end = os.lseek(file, start, os.SEEK_HOLE)
        except (AttributeError, OSError) as error:
            if getattr(error, "errno", None) == errno.ENXIO:  # nothing but a hole is left
                return
            end = size
        yield start, end
        start = end


def _parts(chunk_ids: Iterable[str], size: int) -> Iterator[list[str]]:
    given = iter(chunk_ids)
    while part := list(islice(given, size)):
        yield part
