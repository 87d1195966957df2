"""The files an import has at hand, and how their contents are opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple

from ragline.errors import LimitExceeded
from ragline.imports.folders import open_below
from ragline.imports.kinds import Kind
from ragline.imports.tables import Columns
from ragline.imports.unpacking import ArchiveReader

LARGEST_WHOLE = 256 * 1024**2
Where = dict[str, Any]
"""Where a content is: {blob}, {blob, entry} of an archive, {path} below the folder, or {text}."""


@dataclass(frozen=True, slots=True)
class PoolFile:
    """A file at hand: its relative path, what it is, and where it is."""

    path: str
    kind: Kind
    where: Where
    size: int


class Planned(NamedTuple):
    """An item that an import will take."""

    identity: str
    name: str
    where: Where
    size: int
    title: str | None = None
    metadata: Mapping[str, Any] = {}
    media_type: str | None = None
    stands_in: bool = False


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an import reads: files, by hash where they are on this machine, or a folder.

    `prefix` stands before every identity. With `products` the rows of tables are products.
    """

    pool: Sequence[PoolFile]
    blobs: Mapping[str, Path]
    folder: Path | None
    columns: Columns = field(default_factory=Columns)
    prefix: str = ""
    products: bool = False


class Contents:
    """Opens the files of a pool; archives stay open between them."""

    def __init__(self, inputs: Inputs, scratch: Path) -> None:
        self._inputs = inputs
        self._scratch = scratch
        self._open = ExitStack()
        self._archives: dict[str, ArchiveReader] = {}

    def __enter__(self) -> Contents:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def read(self, file: PoolFile) -> bytes:
        """Return the content of an export or a table; raise `LimitExceeded` for a huge one."""
        if file.size > LARGEST_WHOLE:
            raise LimitExceeded(f"{file.path!r} is too large to be read as a whole: split it.")
        if "entry" in file.where:
            archive = self._archive(file.where["blob"])
            return b"".join(archive.pieces(tuple(file.where["entry"])))
        with self._opened(file.where) as stream:
            return stream.read()

    def _opened(self, where: Where) -> BinaryIO:
        if "path" in where:
            assert self._inputs.folder is not None, "its files are below a folder"
            return open_below(self._inputs.folder, where["path"])
        return self._inputs.blobs[where["blob"]].open("rb")

    def _archive(self, blob: str) -> ArchiveReader:
        if blob not in self._archives:
            reader = ArchiveReader(self._inputs.blobs[blob], self._scratch)
            self._archives[blob] = self._open.enter_context(reader)
        return self._archives[blob]


def name_of(path: str) -> str:
    """Return the last part of a path."""
    return PurePosixPath(path).name
