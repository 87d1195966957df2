"""What the compute pool runs: parsing by media type, so that only children load parsers."""

from __future__ import annotations

from pathlib import Path

from ragline.providers.contracts import PageText
from ragline.providers.registry import parser_for

PRELOAD = ("ragline.providers.parsers.tasks", "pypdfium2", "kreuzberg")
"""Modules worth importing once for all children that parse."""


def count_pages(path: Path, media_type: str) -> int:
    """Return the number of pages (≥ 1); raise `UnreadableFile` with what to do."""
    return parser_for(media_type).count_pages(path)


def read_pages(path: Path, media_type: str, first: int, last: int) -> list[PageText]:
    """Return pages `first` to `last`, both counted from 1 and included."""
    return parser_for(media_type).read_pages(path, first, last)


def outline(path: Path, media_type: str) -> tuple[str, int]:
    """Return who reads this media type, with its version, and the number of pages."""
    parser = parser_for(media_type)
    return parser.name, parser.count_pages(path)
