"""Formats that are read as a whole, and whose pages are then given one by one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from ragline.providers.contracts import PageText
from ragline.providers.parsers.plain import contents, storable


class WholeFileParser:
    """Keeps the pages of the last file: the batches after the first find them here."""

    name: str
    media_types: ClassVar[frozenset[str]]
    _last: tuple[tuple[Path, int], tuple[str, ...]] | None = None

    @abstractmethod
    def pages_of(self, data: bytes) -> Sequence[str]:
        """Return the text of each page (≥ 1 of them)."""

    def count_pages(self, path: Path) -> int:
        """Return the number of pages (≥ 1)."""
        return len(self._pages(path))

    def read_pages(self, path: Path, first: int, last: int) -> list[PageText]:
        """Return pages `first` to `last`, both counted from 1 and included."""
        chosen = self._pages(path)[first - 1 : last]
        return [PageText(number, text) for number, text in enumerate(chosen, first)]

    def _pages(self, path: Path) -> tuple[str, ...]:
        key = (path, path.stat().st_mtime_ns)
        if self._last is None or self._last[0] != key:
            pages = tuple(storable(text).strip() for text in self.pages_of(contents(path)))
            self._last = (key, pages)
        return self._last[1]
