"""Reads workbooks and CSV tables: a page for each sheet, its rows as Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ragline.providers.parsers import package
from ragline.providers.parsers.kreuzberg import (
    OLE_MAGIC,
    ZIP_MAGIC,
    extracted,
    protected_office_file,
    reader_name,
)
from ragline.providers.parsers.media_types import CSV, ODS, XLSX
from ragline.providers.parsers.plain import decoded
from ragline.providers.parsers.tables import sheet
from ragline.providers.parsers.whole import WholeFileParser


class SpreadsheetParser(WholeFileParser):
    """Values are read as they were last computed; formulas, charts and macros are not."""

    media_types = frozenset({XLSX, ODS, CSV})

    def __init__(self) -> None:
        """Take the version from the package's metadata, without loading Kreuzberg."""
        self.name = reader_name("sheets")

    def pages_of(self, data: bytes) -> Sequence[str]:
        """Return the text of each sheet; an empty sheet is an empty page."""
        if data.startswith(OLE_MAGIC):
            raise protected_office_file()
        if not data.startswith(ZIP_MAGIC):
            found = extracted(decoded(data).encode(), CSV)
            return ["\n\n".join(sheet(table.cells) for table in found.tables)]
        parts = package.unpacked(data)
        if "content.xml" not in parts:
            return _sheets(extracted(package.packed(parts), XLSX))
        if b"encryption-data" in parts.get("META-INF/manifest.xml", b""):
            raise package.locked()
        return _sheets(extracted(package.packed(parts), ODS))


def _sheets(found: Any) -> list[str]:
    names = found.metadata.get("sheet_names") or [""]
    texts: dict[int, str] = {}
    for table in found.tables:
        texts[table.page_number] = sheet(table.cells)
    return [_page(name, texts.get(number, "")) for number, name in enumerate(names, 1)]


def _page(name: str, text: str) -> str:
    return f"# {name}\n\n{text}" if name and text else text
