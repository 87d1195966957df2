"""Reads EPUB books: a page for each file of the spine, which mostly is a chapter."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from urllib.parse import unquote

from ragline.errors import UnreadableFile
from ragline.providers.parsers import package
from ragline.providers.parsers.kreuzberg import html_text, reader_name
from ragline.providers.parsers.media_types import EPUB
from ragline.providers.parsers.package import Parts
from ragline.providers.parsers.plain import decoded
from ragline.providers.parsers.whole import WholeFileParser

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"


class EpubParser(WholeFileParser):
    """Chapters are read in the order of the book, whatever the order in the file."""

    media_types = frozenset({EPUB})

    def __init__(self) -> None:
        """Take the version from the package's metadata, without loading Kreuzberg."""
        self.name = reader_name("book")

    def pages_of(self, data: bytes) -> Sequence[str]:
        """Return the text of each chapter."""
        parts = package.unpacked(data)
        chapters = _chapters(parts)
        if _is_locked(parts, chapters):
            raise UnreadableFile(
                "This book is protected against copying and cannot be read. Upload a copy "
                "without protection."
            )
        return [html_text(decoded(parts[name] or b" ")) for name in chapters]


def _chapters(parts: Parts) -> list[str]:
    if _CONTAINER not in parts:
        raise package.damaged()
    root = next(package.parsed(parts[_CONTAINER]).iter("{*}rootfile"), None)
    book = unquote(root.get("full-path", "")) if root is not None else ""
    if book not in parts:
        raise package.damaged()
    outline = package.parsed(parts[book])
    folder = posixpath.dirname(book)
    files = {
        item.get("id"): posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
        for item in outline.iter("{*}item")
    }
    spine = [files.get(entry.get("idref"), "") for entry in outline.iter("{*}itemref")]
    chapters = [name for name in spine if name in parts]
    if not chapters:
        raise package.damaged()
    return chapters


def _is_locked(parts: Parts, chapters: Sequence[str]) -> bool:
    """Tell whether chapters are encrypted; fonts may be, which harms nobody."""
    if _ENCRYPTION not in parts:
        return False
    locked = {
        unquote(reference.get("URI", ""))
        for reference in package.parsed(parts[_ENCRYPTION]).iter("{*}CipherReference")
    }
    return not locked.isdisjoint(chapters)
