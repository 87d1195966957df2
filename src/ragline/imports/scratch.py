"""Folders for what is unpacked: in the data directory, each for one piece of work."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ragline.compute.limits import Limits
from ragline.settings import Settings

LEFTOVER_SECONDS = 24 * 3600


@contextmanager
def scratch_folder(settings: Settings) -> Iterator[Path]:
    """Give an empty folder that is gone when the block ends."""
    folder = _root(settings) / uuid.uuid4().hex
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def drop_leftovers(settings: Settings) -> None:
    """Remove folders of processes that died over their work."""
    root = _root(settings)
    for folder in root.iterdir() if root.is_dir() else ():
        if time.time() - folder.stat().st_mtime > LEFTOVER_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def child_limits(settings: Settings) -> Limits:
    """Return what a child may take that looks through an archive or an export."""
    return Limits(
        wall_seconds=settings.import_wall_seconds,
        cpu_seconds=settings.import_cpu_seconds,
        memory_bytes=settings.import_memory_mb * 1024**2,
        open_files=settings.parse_open_files,
        # The largest file it writes: an entry of an archive, or the list of what to take.
        output_bytes=settings.archive_entry_bytes,
    )


def parsing_limits(settings: Settings) -> Limits:
    """Return what a child may take that counts the pages of a document."""
    return Limits(
        wall_seconds=settings.parse_wall_seconds,
        cpu_seconds=settings.parse_cpu_seconds,
        memory_bytes=settings.parse_memory_mb * 1024**2,
        open_files=settings.parse_open_files,
        output_bytes=settings.parse_output_mb * 1024**2,
        settings="RAGLINE_PARSE_",
    )


def _root(settings: Settings) -> Path:
    return settings.data_dir / "importing"
