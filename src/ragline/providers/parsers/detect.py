"""What a file is, judged by its first bytes and only then by its name."""

from __future__ import annotations

import re
from pathlib import PurePath

from ragline.errors import UnreadableFile
from ragline.providers.parsers.plain import decoded, is_text

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HTML = "text/html"
MARKDOWN = "text/markdown"
PLAIN = "text/plain"

_BY_EXTENSION = {
    ".pdf": PDF,
    ".docx": DOCX,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
}
_PDF_HEADER = re.compile(rb"%PDF-\d")
_ZIP_MAGIC = b"PK\x03\x04"
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP_FOLDER = re.compile(rb"PK\x03\x04.{26}(word|xl|ppt|META-INF|EPUB|OEBPS)/", re.DOTALL)
_OTHER_PACKAGE = re.compile(rb"PK\x03\x04.{26}mimetype", re.DOTALL)
_HTML_START = re.compile(
    r"\s*(<\?xml[^>]*>\s*)?(<!--((?!-->).)*-->\s*)*<(!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
# Text on the outside, but nothing to read: RTF, PostScript.
_MARKUP_WE_DO_NOT_READ = ("{\\rtf", "%!PS")


def detect_media_type(head: bytes, filename: str) -> str | None:
    """Return the media type of a file from its first bytes (4 KiB or more) and its name.

    A known content wins over the name. None means that nothing here reads it. An empty
    file is what its name says, so that its reader can say that it is empty.
    """
    by_name = _BY_EXTENSION.get(PurePath(filename).suffix.lower())
    if not head:
        return by_name or PLAIN
    if _is_pdf(head[:1024]):
        return PDF
    if head.startswith(_ZIP_MAGIC):
        return DOCX if _is_docx(head, by_name) else None
    if head.startswith(_OLE_MAGIC):
        # A Word document with a password: its reader says so.
        return DOCX if by_name == DOCX else None
    return _text_type(head, by_name)


def _is_pdf(head: bytes) -> bool:
    match = _PDF_HEADER.search(head)
    if match is None:
        return False
    # Text may speak of the header; a real one stands first, or after something binary.
    return match.start() == 0 or head[match.start() - 1] in b"\r\n\0" or not is_text(head)


def _is_docx(head: bytes, by_name: str | None) -> bool:
    folder = _ZIP_FOLDER.search(head)
    if folder is not None:
        return folder[1] == b"word"
    return by_name == DOCX and _OTHER_PACKAGE.match(head) is None


def _text_type(head: bytes, by_name: str | None) -> str | None:
    try:
        text = decoded(head, whole=False)
    except UnreadableFile:
        return None
    if text.startswith(_MARKUP_WE_DO_NOT_READ):
        return None
    if _HTML_START.match(text):
        return HTML
    return by_name if by_name in (HTML, MARKDOWN) else PLAIN
