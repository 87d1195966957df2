"""The digital PDFs that are ingested: as they are, or cut into documents of ten pages."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar

import pypdfium2

from benchmarks.options import test_data

FOLDERS = ("en_article", "en_multicolumn", "fr_digital", "maths", "slides", "tables", "large")
PAGES = 10
# A second and third cut through the same pages begins elsewhere, so that no two documents
# and hardly any two passages are equal.
OFFSETS = (0, 5, 2, 7, 1, 6, 3, 8, 4, 9)

Item = TypeVar("Item")
Window = tuple[Path, int]
"""A PDF and the index of the first page of a cut."""


def originals(most: int | None = None) -> list[Path]:
    """Return the files as they are, or the first ones of each folder in turn."""
    root = test_data("pdfs")
    folders = [sorted((root / name).glob("*.pdf")) for name in FOLDERS]
    return _in_turn(folders)[:most]


def ten_page_documents(count: int, folder: Path) -> list[Path]:
    """Write that many documents of ten real pages each, from all files in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, (path, first) in zip(range(count), _windows(), strict=False):
        target = folder / f"{number:04d}-{path.stem[:40]}-{first + 1}.pdf"
        _cut(path, first, target)
        made.append(target)
    if len(made) < count:
        raise SystemExit(f"The test data gives only {len(made)} documents of {PAGES} pages.")
    return made


def _windows() -> Iterator[Window]:
    lengths = {path: _length(path) for path in originals()}
    for offset in OFFSETS:
        yield from _in_turn(
            [
                [(path, first) for first in range(offset, length - PAGES + 1, PAGES)]
                for path, length in lengths.items()
            ]
        )


def _length(path: Path) -> int:
    with pypdfium2.PdfDocument(path) as document:
        return len(document)


def _cut(source: Path, first: int, target: Path) -> None:
    with pypdfium2.PdfDocument(source) as document, pypdfium2.PdfDocument.new() as part:
        part.import_pages(document, list(range(first, first + PAGES)))
        part.save(target)


def _in_turn(rows: list[list[Item]]) -> list[Item]:
    """Return the first of each row, then the second of each, and so on."""
    return [item for group in zip_longest(*rows) for item in group if item is not None]
