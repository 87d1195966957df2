"""Which files a person means by the paths they name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path


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


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        # The walk goes on into what is left in this list, in its order.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            # A pipe or a socket has no end that could be waited for.
            if not name.startswith(".") and path.is_file():
                yield path
