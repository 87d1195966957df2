"""The formats that are read: their media types, their names and the extensions they bear."""

from __future__ import annotations

_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."

PDF = "application/pdf"
DOCX = f"{_OPEN_XML}wordprocessingml.document"
PPTX = f"{_OPEN_XML}presentationml.presentation"
XLSX = f"{_OPEN_XML}spreadsheetml.sheet"
ODT = f"{_OPEN_DOCUMENT}text"
ODS = f"{_OPEN_DOCUMENT}spreadsheet"
ODP = f"{_OPEN_DOCUMENT}presentation"
EPUB = "application/epub+zip"
HTML = "text/html"
MARKDOWN = "text/markdown"
PLAIN = "text/plain"
RTF = "application/rtf"
EML = "message/rfc822"
MSG = "application/vnd.ms-outlook"
CSV = "text/csv"
PNG = "image/png"
JPEG = "image/jpeg"
TIFF = "image/tiff"
WEBP = "image/webp"

IMAGES = frozenset({PNG, JPEG, TIFF, WEBP})
OPEN_XML = frozenset({DOCX, PPTX, XLSX})
# What is text on the outside: a name that says plain text says nothing against these.
WRITTEN_AS_TEXT = frozenset({PLAIN, MARKDOWN, HTML, CSV, EML})

_NAMES = {
    PDF: "PDF",
    DOCX: "Word document (DOCX)",
    PPTX: "PowerPoint presentation (PPTX)",
    XLSX: "Excel workbook (XLSX)",
    ODT: "OpenDocument text (ODT)",
    ODS: "OpenDocument spreadsheet (ODS)",
    ODP: "OpenDocument presentation (ODP)",
    EPUB: "EPUB book",
    HTML: "web page (HTML)",
    MARKDOWN: "Markdown text",
    PLAIN: "plain text",
    RTF: "RTF document",
    EML: "e-mail (EML)",
    MSG: "Outlook message (MSG)",
    CSV: "CSV table",
    PNG: "PNG image",
    JPEG: "JPEG image",
    TIFF: "TIFF image",
    WEBP: "WebP image",
}
BY_EXTENSION = {
    ".pdf": PDF,
    **dict.fromkeys((".docx", ".docm", ".dotx", ".dotm"), DOCX),
    **dict.fromkeys((".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm"), PPTX),
    **dict.fromkeys((".xlsx", ".xlsm", ".xltx", ".xltm"), XLSX),
    **dict.fromkeys((".odt", ".ott"), ODT),
    **dict.fromkeys((".ods", ".ots"), ODS),
    **dict.fromkeys((".odp", ".otp"), ODP),
    ".epub": EPUB,
    **dict.fromkeys((".html", ".htm", ".xhtml"), HTML),
    **dict.fromkeys((".md", ".markdown"), MARKDOWN),
    ".txt": PLAIN,
    ".rtf": RTF,
    ".eml": EML,
    ".msg": MSG,
    **dict.fromkeys((".csv", ".tsv"), CSV),
    ".png": PNG,
    **dict.fromkeys((".jpg", ".jpeg"), JPEG),
    **dict.fromkeys((".tif", ".tiff"), TIFF),
    ".webp": WEBP,
}
"""Templates and files with macros are read like the plain kind; a macro is never run."""


def named(media_type: str) -> str:
    """Return what people call a format, such as "Word document (DOCX)"."""
    return _NAMES.get(media_type, media_type)
