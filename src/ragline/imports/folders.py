"""Folders of the server: only below roots the operator allowed, and never out of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from ragline.errors import Forbidden, InvalidInput, UnreadableFile
from ragline.imports.names import is_litter


def allowed_folder(folder: str, roots: Sequence[Path]) -> Path:
    """Return where a folder really is; raise `Forbidden` where it is below none of the roots.

    What lies outside of the roots is answered alike, whether it is there or not.
    """
    if not roots:
        raise Forbidden(
            "Folders of the server cannot be imported here: its operator allows them with "
            "RAGLINE_IMPORT_ROOTS. Upload the files, or a ZIP archive of them."
        )
    if "\0" in folder or not Path(folder).is_absolute():
        raise InvalidInput("Name the folder by its absolute path on the server.")
    real = Path(os.path.realpath(folder))
    if not any(real.is_relative_to(os.path.realpath(root)) for root in roots):
        raise Forbidden(
            "This folder is below none of those the operator allows with RAGLINE_IMPORT_ROOTS."
        )
    if not real.is_dir():
        raise InvalidInput(f"There is no folder {folder!r} on the server.")
    return real


def files_below(folder: Path) -> Iterator[str]:
    """Go through the files below a folder in the order of their paths, which are relative.

    Hidden files and links to folders, which could lead in circles, are left out.
    """
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_litter(name))
        for name in sorted(names):
            path = Path(parent, name)
            if not is_litter(name) and not stat.S_ISFIFO(path.lstat().st_mode):
                yield path.relative_to(folder).as_posix()


def open_below(folder: Path, path: str) -> BinaryIO:
    """Open a file below a folder.

    Raises `UnreadableFile` where it is no file, is gone, or is a link that leads out.
    """
    real = Path(os.path.realpath(folder / path))
    if not real.is_relative_to(folder):
        raise UnreadableFile("It is a link that leads out of the folder.")
    try:
        # Not to wait for a pipe, nor to follow a link that has just taken the file's place.
        number = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise UnreadableFile(f"It cannot be opened: {error.strerror}.") from None
    file = os.fdopen(number, "rb")
    opened = os.fstat(number)
    if not stat.S_ISREG(opened.st_mode) or not _is_still_at(real, opened):
        file.close()
        raise UnreadableFile("It is no file, or was moved while it was opened.")
    return file


def _is_still_at(real: Path, opened: os.stat_result) -> bool:
    """Tell whether a path without links leads to the open file: no folder of it became a link."""
    try:
        return os.path.realpath(real) == str(real) and os.path.samestat(real.lstat(), opened)
    except OSError:
        return False
