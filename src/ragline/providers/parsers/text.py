"""Reads plain text and Markdown, which keeps its headings as they are written."""

from __future__ import annotations

from pathlib import Path

from ragline.providers.contracts import PageText
from ragline.providers.parsers.plain import contents, decoded, storable


class TextParser:
    """Form feeds divide pages; a text without them is one page."""

    name = "text-1"
    media_types = frozenset({"text/plain", "text/markdown"})

    def count_pages(self, path: Path) -> int:
        """Return the number of pages (≥ 1)."""
        return len(_pages(path))

    def read_pages(self, path: Path, first: int, last: int) -> list[PageText]:
        """Return pages `first` to `last`, both counted from 1 and included."""
        chosen = _pages(path)[first - 1 : last]
        return [PageText(number, storable(text)) for number, text in enumerate(chosen, first)]


def _pages(path: Path) -> list[str]:
    pages = decoded(contents(path)).split("\f")
    # Programs that print end every page with a form feed, the last one too.
    if len(pages) > 1 and not pages[-1].strip():
        pages.pop()
    return pages
