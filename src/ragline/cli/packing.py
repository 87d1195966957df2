"""Folders as archives on their way to the server, which knows their files by their paths."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ragline.client import files_in
from ragline.client.uploads import size_of

MOST_BYTES = 448 * 1024**2
MOST_FILES = 10_000

# What a server refuses in an archive, since it could lead elsewhere.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")
_MISLEADING = re.compile(r"[\\:]")


@contextmanager
def packed(folder: Path) -> Iterator[list[Path]]:
    """Give archives of a folder's files until the block ends: one, unless they are too large.

    The files are not compressed: most are already, and bytes that nobody squeezed are no bomb.
    """
    with TemporaryDirectory(prefix="ragline-") as scratch:
        yield [
            _packed(folder, part, Path(scratch) / f"{number}.zip")
            for number, part in enumerate(_parts(folder))
        ]


def _parts(folder: Path) -> Iterator[list[Path]]:
    part: list[Path] = []
    total = 0
    for path in files_in([folder]):
        size = size_of(path)
        if part and (total + size > MOST_BYTES or len(part) == MOST_FILES):
            yield part
            part, total = [], 0
        part.append(path)
        total += size
    if part:
        yield part


def _packed(folder: Path, files: list[Path], archive: Path) -> Path:
    used: set[str] = set()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as out:
        for path in files:
            name = _name(path.relative_to(folder).as_posix(), used)
            # A time before the format's own is no reason to fail.
            info = zipfile.ZipInfo(name)
            info.file_size = size_of(path)
            with path.open("rb") as source, out.open(info, "w") as target:
                while piece := source.read(1024**2):
                    target.write(piece)
    return archive


def _name(path: str, used: set[str]) -> str:
    """Return a file's name in the archive, which every server takes."""
    plain = path.encode(errors="replace").decode()
    plain = _MISLEADING.sub("_", _UNSAFE.sub("", plain))
    name, number = plain, 1
    while name in used:
        number += 1
        name = f"{plain} ({number})"
    used.add(name)
    return name
