"""Files on their way to the server: in bounded batches, read from disk as they are sent."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ragline.errors import InvalidInput

MOST_FILES = 50
MOST_BYTES = 64 * 1024**2

Batch = list[Path]
Told = Callable[[int], None]


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
def opened(paths: Iterable[Path], told: Told | None) -> Iterator[list[tuple[str, io.FileIO]]]:
    """Open files for an upload and close them after it; `told` receives the bytes as they go.

    Raises:
        InvalidInput: one of them cannot be read.
    """
    with ExitStack() as stack:
        yield [(_name(path), stack.enter_context(_open(path, told))) for path in paths]


class _WatchedFile(io.FileIO):
    """A file that tells how many bytes were read from it."""

    def __init__(self, path: Path, told: Told | None) -> None:
        super().__init__(path)
        self._told = told

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size) or b""
        if self._told is not None:
            self._told(len(content))
        return content


def _open(path: Path, told: Told | None) -> _WatchedFile:
    try:
        return _WatchedFile(path, told)
    except OSError as error:
        raise InvalidInput(f"The file {path} cannot be read: {error.strerror or error}.") from None


def _name(path: Path) -> str:
    # A name in another encoding than the system's holds characters that cannot be sent.
    return path.name.encode(errors="replace").decode()
