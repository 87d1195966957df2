"""Reads HTML and Word documents with Kreuzberg, as Markdown."""

from __future__ import annotations

import functools
import re
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ragline.errors import LimitExceeded, UnreadableFile
from ragline.providers.contracts import PageText
from ragline.providers.parsers.plain import contents, decoded, storable

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HTML = "text/html"
_ZIP_MAGIC = b"PK\x03\x04"
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Kreuzberg would print the head's metadata as if it were part of the page.
_HTML_HEAD = re.compile(r"<head\b.*?</head\s*>", re.IGNORECASE | re.DOTALL)
# Addresses, emphasis and embedded pictures are noise in a passage; the words inside stay.
_DROPPED_TAGS = ["a", "b", "em", "i", "img", "strong"]


class KreuzbergParser:
    """Word documents have a page for each page break in them; a web page is one page."""

    media_types = frozenset({DOCX, HTML})

    def __init__(self) -> None:
        """Take the version from the package's metadata, without loading Kreuzberg."""
        self.name = f"kreuzberg-{version('kreuzberg')}"

    def count_pages(self, path: Path) -> int:
        """Return the number of pages (≥ 1)."""
        return len(_pages(path, path.stat().st_mtime_ns))

    def read_pages(self, path: Path, first: int, last: int) -> list[PageText]:
        """Return pages `first` to `last`, both counted from 1 and included."""
        chosen = _pages(path, path.stat().st_mtime_ns)[first - 1 : last]
        return [PageText(number, text) for number, text in enumerate(chosen, first)]


# The library reads documents whole: the batches after the first find the last one here.
@functools.lru_cache(maxsize=1)
def _pages(path: Path, changed_ns: int) -> tuple[str, ...]:
    data = contents(path)
    if data.startswith(_OLE_MAGIC):
        raise UnreadableFile(
            "This document has a password or is in Word's old format: save it as a .docx "
            "without a password and upload it again."
        )
    if data.startswith(_ZIP_MAGIC):
        return _docx_pages(data)
    return (_html_text(decoded(data)),)


def _docx_pages(data: bytes) -> tuple[str, ...]:
    result = _extracted(data, DOCX)
    pages = [page["content"] for page in result.pages or ()] or [result.content]
    return tuple(storable(text) for text in pages)


def _html_text(html: str) -> str:
    body = _HTML_HEAD.sub("", html, count=1)
    result = _extracted(body.encode("utf-8", "ignore"), HTML)
    return storable(result.content)


def _extracted(data: bytes, media_type: str) -> Any:
    # Loaded at first use, so that asking what this adapter reads costs nothing.
    kreuzberg = import_module("kreuzberg")
    config = kreuzberg.ExtractionConfig(
        pages=kreuzberg.PageConfig(extract_pages=True),
        output_format="markdown",
        html_options={"strip_tags": _DROPPED_TAGS},
        use_cache=False,  # it would write into the working directory
    )
    try:
        return kreuzberg.extract_bytes_sync(data, media_type, config=config)
    except kreuzberg.KreuzbergError as error:
        if "limit exceeded" in str(error).lower():
            raise LimitExceeded(
                "This document unpacks to more than the reader allows and was stopped; no other "
                "document is affected. Split it and upload the parts."
            ) from error
        raise UnreadableFile(
            "This document is damaged or cut off: open it, save it anew and upload it again."
        ) from error
