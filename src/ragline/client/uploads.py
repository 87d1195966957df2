"""Files on their way to the server: found, put into bounded batches, read as they are sent."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeAlias

from ragline.client.problems import UnreadablePath

MOST_FILES = 50
MOST_BYTES = 64 * 1024**2

Batch = list[Path]
Told = Callable[[int], None]
"""Receives bytes as they are sent; a negative number where they have to be sent again."""


class NamedContent(NamedTuple):
    """A file that is on no disk: its name, and its content in memory."""

    name: str
    content: bytes


Source: TypeAlias = Path | NamedContent


@dataclass
class Sent:
    """How much of a form went out, and who is told."""

    told: Told | None = None
    total: int = 0
    untold: int = 0

    def begin(self) -> None:
        """Take back what an earlier try sent."""
        if self.told is not None and self.total:
            self.told(-self.total)
        self.total = self.untold = 0

    def tell(self) -> None:
        """Tell what was read since the last time."""
        if self.told is not None and self.untold:
            self.told(self.untold)
        self.total += self.untold
        self.untold = 0


@dataclass(frozen=True)
class Form:
    """A multipart body: fields, and files, each in a field `named`, read as they are sent."""

    fields: Mapping[str, str | Sequence[str]]
    files: Sequence[Source]
    sent: Sent = field(default_factory=Sent)
    named: str = "file"


def files_in(paths: Iterable[Path]) -> list[Path]:
    """Return the files named, and those in the folders named, each once.

    Folders are read with all that is below them, in the order of names. Hidden files in
    them are skipped, and so are links to folders, which could lead in circles.
    """
    found: dict[Path, None] = {}
    for path in paths:
        below = _files_below(path) if path.is_dir() else [path]
        found.update(dict.fromkeys(below))
    return list(found)


def batches(
    paths: Iterable[Path], *, most_files: int = MOST_FILES, most_bytes: int = MOST_BYTES
) -> Iterator[Batch]:
    """Yield files in batches of bounded count and bytes; one above the bound goes alone."""
    batch: Batch = []
    total = 0
    for path in paths:
        size = size_of(path)
        if batch and (len(batch) == most_files or total + size > most_bytes):
            yield batch
            batch, total = [], 0
        batch.append(path)
        total += size
    if batch:
        yield batch


def size_of(path: Path) -> int:
    """Return a file's bytes; one that cannot be looked at counts as empty until it is sent."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


@contextmanager
def opened(form: Form) -> Iterator[list[tuple[str, BinaryIO]]]:
    """Open a form's files and close them after it was sent.

    Raises:
        UnreadablePath: one of them cannot be read.
    """
    form.sent.begin()
    with ExitStack() as stack:
        yield [
            (name_of(source), stack.enter_context(_open(source, form.sent)))
            for source in form.files
        ]


def name_of(source: Source) -> str:
    """Return a file's name as it can be sent, also where its letters are in another encoding."""
    return source.name.encode(errors="replace").decode()


class _WatchedFile(io.FileIO):
    """A file that counts the bytes that are read from it."""

    def __init__(self, path: Path, sent: Sent) -> None:
        super().__init__(path)
        self._sent = sent

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size) or b""
        self._sent.untold += len(content)
        return content


class _WatchedContent(io.BytesIO):
    """Content in memory that counts the bytes that are read from it."""

    def __init__(self, content: bytes, sent: Sent) -> None:
        super().__init__(content)
        self._sent = sent

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self._sent.untold += len(content)
        return content


def _open(source: Source, sent: Sent) -> BinaryIO:
    if isinstance(source, NamedContent):
        return _WatchedContent(source.content, sent)
    try:
        return _WatchedFile(source, sent)
    except OSError as error:
        reason = error.strerror or error
        raise UnreadablePath(f"The file {source} cannot be read: {reason}.") from None


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        # The walk goes on into what is left in this list, in its order.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            # A pipe or a socket has no end that could be waited for.
            if not name.startswith(".") and path.is_file():
                yield path
