"""Reads web pages, Word and OpenDocument texts and RTF with Kreuzberg, as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

from ragline.errors import LimitExceeded, UnreadableFile
from ragline.providers.parsers import office_text, package
from ragline.providers.parsers.marks import MARK, divided, readable
from ragline.providers.parsers.media_types import DOCX, HTML, ODT, RTF
from ragline.providers.parsers.plain import decoded
from ragline.providers.parsers.whole import WholeFileParser

ZIP_MAGIC = b"PK\x03\x04"
OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Kreuzberg would print the head's metadata as if it were part of the page.
_HTML_HEAD = re.compile(r"<head\b.*?</head\s*>", re.IGNORECASE | re.DOTALL)
# Addresses, emphasis and embedded pictures are noise in a passage; the words inside stay.
_DROPPED_TAGS = ["a", "b", "em", "i", "img", "strong"]
_RTF_PAGE = re.compile(rb"(?<!\\)((?:\\\\)*)\\page(?![a-zA-Z])\s?")
_RTF_MARK = rb"\\u-%d?" % (0x10000 - ord(MARK))


def reader_name(kind: str) -> str:
    """Return a reader's name: what it reads, the version of our part and of the library."""
    return f"{kind}-2-kreuzberg-{version('kreuzberg')}"


class KreuzbergParser(WholeFileParser):
    """A page ends where its program ended it; a web page is one page."""

    media_types = frozenset({DOCX, HTML, ODT, RTF})

    def __init__(self) -> None:
        """Take the version from the package's metadata, without loading Kreuzberg."""
        self.name = reader_name("text")

    def pages_of(self, data: bytes) -> Sequence[str]:
        """Return the pages of a text; a type is known by its first bytes."""
        if data.startswith(OLE_MAGIC):
            raise protected_office_file()
        if data.startswith(ZIP_MAGIC):
            return _office_pages(data)
        text = decoded(data)
        if text.lstrip().startswith("{\\rtf"):
            return _rtf_pages(data)
        return [html_text(text)]


def html_text(html: str) -> str:
    """Return the words of a web page as Markdown."""
    body = _HTML_HEAD.sub("", html, count=1)
    return readable(extracted(body.encode("utf-8", "ignore"), HTML).content)


def protected_office_file() -> UnreadableFile:
    """An office document inside of an OLE container."""
    return UnreadableFile(
        "This document has a password, or is in an old format of Microsoft Office: save it as "
        ".docx, .xlsx or .pptx without a password and upload it again."
    )


def extracted(data: bytes, media_type: str) -> Any:
    """Return what Kreuzberg finds in a file, as Markdown."""
    # Loaded at first use, so that asking what this adapter reads costs nothing.
    kreuzberg = import_module("kreuzberg")
    config = kreuzberg.ExtractionConfig(
        output_format="markdown",
        html_options={"strip_tags": _DROPPED_TAGS},
        use_cache=False,  # it would write into the working directory
    )
    config.max_archive_depth = 0  # what is attached or embedded stays closed
    try:
        return kreuzberg.extract_bytes_sync(data, media_type, config=config)
    except kreuzberg.KreuzbergError as error:
        if "limit exceeded" in str(error).lower():
            raise LimitExceeded(
                "This document unpacks to more than the reader allows and was stopped; no other "
                "document is affected. Split it and upload the parts."
            ) from error
        raise package.damaged() from error


def _office_pages(data: bytes) -> list[str]:
    parts = package.unpacked(data)
    if "content.xml" in parts:
        return divided(extracted(office_text.marked_odt(parts), ODT).content)
    return divided(extracted(office_text.marked_docx(parts), DOCX).content)


def _rtf_pages(data: bytes) -> list[str]:
    marked = _RTF_PAGE.sub(rb"\1" + _RTF_MARK + rb" ", data)
    return divided(extracted(marked, RTF).content)
