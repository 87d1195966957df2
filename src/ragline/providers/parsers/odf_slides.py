"""Reads OpenDocument presentations: a slide for each page that was drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ragline.providers.parsers import package
from ragline.providers.parsers.package import Parts
from ragline.providers.parsers.slide_text import Slide
from ragline.providers.parsers.tables import table

_DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
_PRESENTATION = "{urn:oasis:names:tc:opendocument:xmlns:presentation:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"


def odp_slides(parts: Parts) -> list[Slide]:
    """Return the slides of an OpenDocument presentation."""
    if b"encryption-data" in parts.get("META-INF/manifest.xml", b""):
        raise package.locked()
    return [_slide(page) for page in package.parsed(parts["content.xml"]).iter(f"{_DRAW}page")]


def _slide(page: Any) -> Slide:
    slide = Slide()
    for child in page:
        if child.tag == f"{_PRESENTATION}notes":
            slide.notes += list(_paragraphs(child))
        elif child.get(f"{_PRESENTATION}class") == "title" and not slide.title:
            slide.title = " ".join(_paragraphs(child))
        else:
            slide.blocks += list(_blocks(child))
    return slide


def _blocks(shape: Any) -> Iterator[str]:
    tables = list(shape.iter(f"{_TABLE}table"))
    for found in tables:
        rows = found.iter(f"{_TABLE}table-row")
        yield table([[" ".join(_paragraphs(cell)) for cell in _cells(row)] for row in rows])
    if tables:
        return
    if next(shape.iter(f"{_TEXT}list-item"), None) is not None:
        yield "\n".join(f"- {text}" for text in _paragraphs(shape))
    else:
        yield "\n".join(_paragraphs(shape))


def _cells(row: Any) -> Iterator[Any]:
    return iter(row.iterchildren(f"{_TABLE}table-cell"))


def _paragraphs(root: Any) -> Iterator[str]:
    for paragraph in root.iter(f"{_TEXT}p", f"{_TEXT}h"):
        text = " ".join(" ".join(_words(paragraph)).split())
        if text:
            yield text


def _words(paragraph: Any) -> Iterator[str]:
    """Yield the text in and after each element; tabs and line breaks become spaces."""
    for element in paragraph.iter():
        if element.tag in (f"{_TEXT}s", f"{_TEXT}tab", f"{_TEXT}line-break"):
            yield " "
        if isinstance(element.tag, str):
            yield element.text or ""
        if element is not paragraph:
            yield element.tail or ""
