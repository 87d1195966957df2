"""What a file is, judged by its first bytes and only then by its name."""

from __future__ import annotations

import re
from pathlib import PurePath

from ragline.errors import UnreadableFile, UnsupportedMediaType
from ragline.providers.parsers.media_types import (
    BY_EXTENSION,
    CSV,
    DOCX,
    EML,
    EPUB,
    HTML,
    IMAGES,
    JPEG,
    MARKDOWN,
    MSG,
    ODP,
    ODS,
    ODT,
    OPEN_XML,
    PDF,
    PLAIN,
    PNG,
    PPTX,
    RTF,
    TIFF,
    WEBP,
    WRITTEN_AS_TEXT,
    XLSX,
    named,
)
from ragline.providers.parsers.plain import decoded, is_text

TAIL_BYTES = 64 * 1024
"""How much of a file's end helps: the names in a ZIP file stand there too."""

_PDF_HEADER = re.compile(rb"%PDF-\d")
_ZIP_MAGIC = b"PK\x03\x04"
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_IMAGE_MAGIC = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), PNG),
    (re.compile(rb"\xff\xd8\xff"), JPEG),
    (re.compile(rb"II\*\0|MM\0\*|II\+\0|MM\0\+"), TIFF),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), WEBP),
)
_ENTRY = rb"PK(?:\x03\x04.{26}|\x01\x02.{42})"
_FOLDER = re.compile(_ENTRY + rb"(word|xl|ppt|META-INF|EPUB|OEBPS)/", re.DOTALL)
_DECLARED = re.compile(
    rb"PK\x03\x04.{26}mimetype.{0,64}?application/"
    rb"(epub\+zip|vnd\.oasis\.opendocument\.(text|spreadsheet|presentation))",
    re.DOTALL,
)
_OFFICE_FOLDERS = {b"word": DOCX, b"xl": XLSX, b"ppt": PPTX}
_OPEN_DOCUMENTS = {b"text": ODT, b"spreadsheet": ODS, b"presentation": ODP}
_CONTENTS = b"[Content_Types].xml"
_LIST_ENDS = b"PK\x05\x06"
_OUTLOOK = "__properties_version1.0".encode("utf-16-le")
_HTML_START = re.compile(
    r"\s*(<\?xml[^>]*>\s*)?(<!--((?!-->).)*-->\s*)*<(!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_RTF_START = re.compile(r"\s*\{\\rtf")
_MAIL_HEADER = re.compile(r"(?:From |[A-Za-z][A-Za-z0-9-]*:)")
_MAIL_START = re.compile(
    r"(?:From [^\n]*\n|(?:[A-Za-z][A-Za-z0-9-]*:[^\n]*\n)(?:[ \t][^\n]*\n)*)*?"
    r"(?:Received|Message-ID|MIME-Version|Return-Path|Delivered-To):",
    re.IGNORECASE,
)
# Text on the outside, but nothing to read.
_POSTSCRIPT = "%!PS"


def judged_media_type(head: bytes, filename: str, *, tail: bytes = b"") -> str:
    """Return what a file is to be read as, by its first bytes (8 KiB or more), last and name.

    Raises `UnsupportedMediaType` where nothing reads it, or where its name says one format
    and its content is another.
    """
    found = detect_media_type(head, filename, tail=tail)
    if found is None:
        raise UnsupportedMediaType(_unknown(head, filename))
    claimed = _by_name(filename)
    if claimed is not None and head and not _agree(claimed, found):
        raise UnsupportedMediaType(
            f"{filename!r} is named like {_article(claimed)}, but its content is "
            f"{_article(found)}. Rename it if that is what it should be, or send the right file."
        )
    return found


def detect_media_type(head: bytes, filename: str, *, tail: bytes = b"") -> str | None:
    """Return the media type of a file from its first bytes (4 KiB or more) and its name.

    A known content wins over the name, which decides only between kinds of text. None means
    that nothing here reads it. An empty file is what its name says, so that its reader can
    say that it is empty.
    """
    claimed = _by_name(filename)
    if not head:
        return claimed or PLAIN
    if _is_pdf(head[:1024]):
        return PDF
    if head.startswith(_ZIP_MAGIC):
        return _zip_type(head, tail, claimed)
    if head.startswith(_OLE_MAGIC):
        return _ole_type(head, tail, claimed)
    image = next((kind for magic, kind in _IMAGE_MAGIC if magic.match(head)), None)
    return image or _text_type(head, claimed)


def _by_name(filename: str) -> str | None:
    return BY_EXTENSION.get(PurePath(filename).suffix.lower())


def _agree(claimed: str, found: str) -> bool:
    if claimed == found or {claimed, found} <= IMAGES:
        return True
    # Any text may be called plain text; a web page or a message may be shown as its source.
    return claimed in (PLAIN, MARKDOWN) and found in WRITTEN_AS_TEXT


def _is_pdf(head: bytes) -> bool:
    match = _PDF_HEADER.search(head)
    if match is None:
        return False
    # Text may speak of the header; a real one stands first, or after something binary.
    return match.start() == 0 or head[match.start() - 1] in b"\r\n\0" or not is_text(head)


def _zip_type(head: bytes, tail: bytes, claimed: str | None) -> str | None:
    declared = _DECLARED.match(head)
    if declared is not None:
        return _OPEN_DOCUMENTS.get(declared[2], EPUB) if declared[2] else EPUB
    known = head + tail
    folders = {match[1] for match in _FOLDER.finditer(known)}
    # Where the list of names is seen, an archive with such a folder is no document by that alone.
    if _CONTENTS in known or _LIST_ENDS not in known:
        for folder, media_type in _OFFICE_FOLDERS.items():
            if folder in folders:
                return media_type
    if b"META-INF/container.xml" in known:
        return EPUB
    # Cut off before the first telling name: its reader says what is wrong.
    return claimed if claimed in OPEN_XML and not folders and _CONTENTS in head[:64] else None


def _ole_type(head: bytes, tail: bytes, claimed: str | None) -> str | None:
    if claimed == MSG or _OUTLOOK in head + tail:
        return MSG
    # An office document with a password: its reader says so.
    return claimed if claimed in OPEN_XML else None


def _text_type(head: bytes, claimed: str | None) -> str | None:
    try:
        text = decoded(head, whole=False)
    except UnreadableFile:
        return None
    if text.startswith(_POSTSCRIPT):
        return None
    if _RTF_START.match(text):
        return RTF
    if claimed == EML and _MAIL_HEADER.match(text.lstrip()):
        return EML
    if _HTML_START.match(text):
        return HTML
    if claimed is None and _MAIL_START.match(text.replace("\r\n", "\n")):
        return EML
    return claimed if claimed in (HTML, MARKDOWN, CSV) else PLAIN


def _article(media_type: str) -> str:
    name = named(media_type)
    if media_type in (PLAIN, MARKDOWN):
        return name
    return f"an {name}" if name[0] in "EO" or name.startswith("RTF") else f"a {name}"


def _unknown(head: bytes, filename: str) -> str:
    if head.startswith(_OLE_MAGIC):
        return (
            f"{filename!r} is in an old format of Microsoft Office, or has a password: save it "
            "as DOCX, XLSX, PPTX or PDF without a password and send that."
        )
    if head.startswith(_ZIP_MAGIC):
        return (
            f"{filename!r} is a ZIP archive, not a document. Send the documents in it, or the "
            "archive to the project's imports."
        )
    return (
        f"Nothing here reads the content of {filename!r}, whatever its name says; send PDF, "
        "DOCX, PPTX, XLSX, ODT, ODS, ODP, EPUB, HTML, Markdown, plain text, RTF, EML, MSG, CSV, "
        "or a page as PNG, JPEG, TIFF or WebP."
    )
