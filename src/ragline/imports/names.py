"""Names inside archives: which are safe, which are nobody's document."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LITTER = {"__MACOSX", "Thumbs.db", "desktop.ini"}


def flaw_of(name: str) -> str | None:
    """Return what makes a name in an archive unsafe, as the end of a sentence."""
    if _CONTROL.search(name):
        return "holds a control character"
    if "\\" in name:
        return "holds a backslash"
    if name.startswith("/"):
        return "is an absolute path"
    if _DRIVE.match(name):
        return "begins with a drive"
    if ".." in name.split("/"):
        return "leads out of the archive with '..'"
    if not plain(name):
        return "is empty"
    return None


def plain(name: str) -> str:
    """Return a path without the parts that say nothing."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def is_litter(path: str) -> bool:
    """Tell whether systems and programs leave such a file for themselves: hidden, a lock."""
    parts = PurePosixPath(path).parts
    return any(part.startswith((".", "~$")) or part in _LITTER for part in parts)
