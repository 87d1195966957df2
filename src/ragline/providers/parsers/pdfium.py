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
from ragline.providers.contracts import PageText, Pixels
from ragline.providers.parsers.columns import boxes_of, text_in_columns
from ragline.providers.parsers.pdf_headings import with_headings
from ragline.providers.parsers.pdf_pictures import drawn, picture_share, unnamed_letters
from ragline.providers.parsers.plain import empty_file, storable

HEADER_WITHIN = 1024
_PASSWORD_ERROR = 4
_SECURITY_ERROR = 5
# PDFium puts this where a line ends in a hyphen, whether it is part of the word or not.
_LINE_END_HYPHEN = re.compile("(\\w{1,64})[\ufffe\x02](?:\r?\n)?(\\w{1,64})")
_WORD = re.compile(r"\w+")


class PdfiumParser:
    """Reads the text that is there; a scanned page gives an empty one, and its picture.

    Each release of pypdfium2 brings one build of PDFium, so its version names both.
    """

    media_types = frozenset({"application/pdf"})

    def __init__(self) -> None:
        """Take the version from the package's metadata, without loading PDFium."""
        self.name = f"pdfium-2-{version('pypdfium2')}"

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
            return [_read(document, number) for number in numbers]

    def picture(self, path: Path, number: int, *, dpi: int, most_pixels: int) -> Pixels:
        """Return a page as a picture."""
        with _opened(path) as document, _page(document, number) as page:
            return drawn(page, dpi=dpi, most_pixels=most_pixels)


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


def _read(document: Any, number: int) -> PageText:
    with _page(document, number) as page, closing(page.get_textpage()) as layer:
        text = _laid_out(layer)
        share = picture_share(page, len(text.strip()))
        return PageText(number, text, picture_share=share, needs_ocr=unnamed_letters(layer))


def _laid_out(layer: Any) -> str:
    """Return a page's text in reading order, with signs before its headings."""
    raw = import_module("pypdfium2").raw
    boxes = boxes_of(layer)
    text = text_in_columns(layer, raw, boxes) or layer.get_text_range()
    return with_headings(storable(_rejoined(text)), layer, raw, boxes)


@contextmanager
def _page(document: Any, number: int) -> Iterator[Any]:
    pdfium_error = import_module("pypdfium2").PdfiumError
    try:
        with closing(document[number - 1]) as page:
            yield page
    except pdfium_error as error:
        raise UnreadableFile(
            f"Page {number} of this PDF is damaged and cannot be read. Print the document to a "
            "new PDF and upload that."
        ) from error


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
