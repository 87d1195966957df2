"""Reads presentations: a page for each slide, with its tables and its speaker's notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ragline.providers.parsers import package
from ragline.providers.parsers.kreuzberg import OLE_MAGIC, protected_office_file
from ragline.providers.parsers.media_types import ODP, PPTX
from ragline.providers.parsers.odf_slides import odp_slides
from ragline.providers.parsers.package import Parts
from ragline.providers.parsers.slide_text import Slide
from ragline.providers.parsers.tables import table
from ragline.providers.parsers.whole import WholeFileParser

_MAIN = "ppt/presentation.xml"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_STRICT_DRAWING = "{http://purl.oclc.org/ooxml/drawingml/main}"
# What PowerPoint fills in on its own, on each slide: the date, the number and such.
_FURNITURE = frozenset({"dt", "ftr", "hdr", "sldNum", "sldImg"})
_TITLES = frozenset({"title", "ctrTitle"})


class SlidesParser(WholeFileParser):
    """Hidden slides are read too; pictures, sounds and macros are not."""

    name = "slides-1"
    media_types = frozenset({PPTX, ODP})

    def pages_of(self, data: bytes) -> Sequence[str]:
        """Return the text of each slide; an empty slide is an empty page."""
        if data.startswith(OLE_MAGIC):
            raise protected_office_file()
        parts = package.unpacked(data)
        found = odp_slides(parts) if "content.xml" in parts else list(_pptx_slides(parts))
        return [slide.markdown() for slide in found] or [""]


def _pptx_slides(parts: Parts) -> Iterator[Slide]:
    main = package.main_part(parts, _MAIN)
    related = package.targets(parts, main)
    for entry in package.parsed(parts[main]).iter("{*}sldId"):
        _, part = related.get(entry.get(_RELATION) or entry.get(_STRICT_RELATION), ("", ""))
        if part not in parts:
            raise package.damaged()
        yield _slide(parts, part)


def _slide(parts: Parts, part: str) -> Slide:
    slide = Slide()
    _read(package.parsed(parts[part]), slide)
    for kind, target in package.targets(parts, part).values():
        if target not in parts:
            continue
        root = package.parsed(parts[target])
        if kind == "notesSlide":
            notes = Slide()
            _read(root, notes)
            slide.notes += [text for text in notes.blocks if text]
        elif kind == "diagramData":
            slide.blocks += [text for text, _ in _paragraphs(root) if text]
    return slide


def _read(root: Any, slide: Slide) -> None:
    """Add a slide's shapes in the order in which they were drawn."""
    for shape in root.iter("{*}sp", "{*}tbl"):
        if shape.tag.endswith("}tbl"):
            slide.blocks.append(table([_row(row) for row in shape.iterchildren("{*}tr")]))
            continue
        placeholder = shape.find(".//{*}nvPr/{*}ph")
        kind = placeholder.get("type", "body") if placeholder is not None else ""
        if kind in _FURNITURE:
            continue
        paragraphs = list(_paragraphs(shape))
        if kind in _TITLES and not slide.title:
            slide.title = " ".join(text for text, _ in paragraphs if text)
            continue
        # Where a slide has a list, its placeholder says so; a plain box holds sentences.
        sign = "- " if kind in ("body", "obj") and len(paragraphs) > 1 else ""
        slide.blocks.append(
            "\n".join(f"{'  ' * level}{sign}{text}" for text, level in paragraphs if text)
        )


def _row(row: Any) -> list[str]:
    cells = row.iterchildren("{*}tc")
    return [" ".join(text for text, _ in _paragraphs(cell) if text) for cell in cells]


def _paragraphs(root: Any) -> Iterator[tuple[str, int]]:
    """Yield each paragraph's text with its level in a list (0 to 8)."""
    for paragraph in root.iter(f"{_DRAWING}p", f"{_STRICT_DRAWING}p"):
        properties = paragraph.find("{*}pPr")
        level = properties.get("lvl", "0") if properties is not None else "0"
        text = "".join(
            " " if piece.tag.endswith("}br") else piece.text or ""
            for piece in paragraph.iter("{*}t", "{*}br")
        )
        yield " ".join(text.split()), int(level) if level.isdigit() else 0
