"""What compute children run for OCR: drawing pages, and reading them with an engine of ours."""

from __future__ import annotations

from pathlib import Path

from ragline.providers.contracts import OCR, PagePicture, PageReading
from ragline.providers.ocr.drawing import can_be_drawn, drawn_page

__all__ = ["can_be_drawn", "draw_pages", "read_page_here"]


def draw_pages(
    path: Path, media_type: str, numbers: list[int], dpi: int, most_pixels: int
) -> list[PagePicture]:
    """Return pages as pictures to be sent away."""
    return [
        drawn_page(path, media_type, n, dpi=dpi, most_pixels=most_pixels, kind="image/jpeg")
        for n in numbers
    ]


def read_page_here(
    engine: OCR, path: Path, media_type: str, number: int, dpi: int, most_pixels: int
) -> PageReading | None:
    """Return what an engine that computes here reads on a page."""
    picture = drawn_page(
        path, media_type, number, dpi=dpi, most_pixels=most_pixels, kind="image/png"
    )
    return engine.read([picture])[0]
