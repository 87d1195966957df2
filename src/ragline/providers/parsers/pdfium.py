"""Reads the text layer of PDFs with PDFium, page by page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ragline.errors import UnreadableFile
from ragline.providers.contracts import PageText
from ragline.providers.parsers.plain import empty_file, storable

HEADER_WITHIN = 1024
_PASSWORD_ERROR = 4
_SECURITY_ERROR = 5
# PDFium puts this where a line ends in a hyphen, whether it is part of the word or not.
_LINE_END_HYPHEN = re.compile("(\\w{1,64})[\ufffe\x02](?:\r?\n)?(\\w{1,64})")
_WORD = re.compile(r"\w+")


class PdfiumParser:
    """Needs no OCR and does none: a scanned page gives an empty text.

    Each release of pypdfium2 brings one build of PDFium, so its version names both.
    """

    media_types = frozenset({"application/pdf"})

    def __init__(self) -> None:
        """Take the version from the package's metadata, without loading PDFium."""
        self.name = f"pdfium-{version('pypdfium2')}"

    def count_pages(self, path: Path) -> int:
        """Return the number of pages (≥ 1)."""
        with _opened(path) as document:
            pages = len(document)
        if pages < 1:
            raise UnreadableFile("This PDF has no pages. Make it anew and upload it again.")
        return pages

    def read_pages(self, path: Path, first: int, last: int) -> list[PageText]:
        """Return pages `first` to `last`, both counted from 1 and included."""
        with _opened(path) as document:
            numbers = range(first, min(last, len(document)) + 1)
            return [PageText(number, _text(document, number)) for number in numbers]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    # Loaded at first use, so that asking what this adapter reads costs nothing.
    pypdfium2 = import_module("pypdfium2")
    _check_header(path)
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise _unopened(getattr(error, "err_code", None)) from error
    with closing(document):
        yield document


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(HEADER_WITHIN)
    if not head:
        raise empty_file()
    if b"%PDF-" not in head:
        raise UnreadableFile(
            "This file is not a PDF, though its name or type says so. Upload it in its real format."
        )


def _unopened(code: int | None) -> UnreadableFile:
    if code == _PASSWORD_ERROR:
        return UnreadableFile("This PDF needs a password: remove it and upload the file again.")
    if code == _SECURITY_ERROR:
        return UnreadableFile(
            "This PDF is protected in a way that cannot be read: remove the protection and "
            "upload the file again."
        )
    return UnreadableFile(
        "This PDF is damaged or cut off. If it opens in a viewer, print it to a new PDF and "
        "upload that; else fetch the file again from where it came."
    )


def _text(document: Any, number: int) -> str:
    pdfium_error = import_module("pypdfium2").PdfiumError
    try:
        with closing(document[number - 1]) as page, closing(page.get_textpage()) as layer:
            text = layer.get_text_range()
    except pdfium_error as error:
        raise UnreadableFile(
            f"Page {number} of this PDF is damaged and cannot be read. Print the document to a "
            "new PDF and upload that."
        ) from error
    return storable(_rejoined(text))


def _rejoined(text: str) -> str:
    """Join words that a line's end divides, and keep the hyphens of compounds.

    A hyphen is kept if both sides also stand alone on the page and their sum does not.
    """
    if not _LINE_END_HYPHEN.search(text):
        return text
    words = {word.lower() for word in _WORD.findall(_LINE_END_HYPHEN.sub(" ", text))}

    def join(match: re.Match[str]) -> str:
        left, right = match[1].lower(), match[2].lower()
        compound = left in words and right in words and left + right not in words
        hyphen = "-" if compound or not match[2][0].islower() else ""
        return f"{match[1]}{hyphen}{match[2]}"

    return _LINE_END_HYPHEN.sub(join, text)
