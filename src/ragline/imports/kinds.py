"""What a file means to an import, judged by its first bytes and then by its name."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal, NamedTuple

from ragline.providers import tasks
from ragline.references.reading import Format, detect_format

HEAD_BYTES = 64 * 1024
DOCUMENT_HEAD_BYTES = 8192
_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
_OFFICE_MARKS = (b"[Content_Types].xml", b"META-INF/container.xml", b"mimetypeapplication/")
_TABLES = (".csv", ".tsv")
_MAYBE_LIBRARIES = (".json", ".bib", ".bibtex", ".ris", ".txt", ".nbib", ".rdf", "")


class Kind(NamedTuple):
    """`references` has a format; what nothing here reads is `unreadable`."""

    name: Literal["archive", "references", "table", "document", "unreadable"]
    format: Format | None = None


def kind_of(head: bytes, name: str, *, tail: bytes = b"") -> Kind:
    """Return what a file is to an import, from its first 64 KiB or all of it, and its end."""
    suffix = PurePosixPath(name).suffix.lower()
    if head.startswith(_ZIP_MAGICS):
        return Kind("document" if _is_office(head, name, tail, suffix) else "archive")
    if suffix in _MAYBE_LIBRARIES and head:
        found = detect_format(head, name)
        if found is not None:
            return Kind("references", found)
    if tasks.detect_media_type(head[:DOCUMENT_HEAD_BYTES], name, tail=tail) is None:
        # A reader of text does not know UTF-16; that of tables does.
        wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
        return Kind("table") if wide and suffix in _TABLES else Kind("unreadable")
    return Kind("table" if suffix in _TABLES else "document")


def _is_office(head: bytes, name: str, tail: bytes, suffix: str) -> bool:
    """Tell whether a ZIP file is a document: a folder in an archive may be called `word` too."""
    if suffix == ".zip" and not any(mark in head + tail for mark in _OFFICE_MARKS):
        return False
    return tasks.detect_media_type(head[:DOCUMENT_HEAD_BYTES], name, tail=tail) is not None
