"""Pages as pictures that engines take: drawn, no larger than allowed, encoded."""

from __future__ import annotations

import io
from importlib import import_module
from pathlib import Path
from typing import Literal, cast

from ragline.errors import UnreadableFile
from ragline.providers.contracts import PagePicture, PictureParser
from ragline.providers.registry import parser_for

JPEG_QUALITY = 88
Kind = Literal["image/jpeg", "image/png"]


def can_be_drawn(media_type: str) -> bool:
    """Tell whether the pages of such files can be seen, and so be read by OCR."""
    return hasattr(parser_for(media_type), "picture")


def drawn_page(
    path: Path, media_type: str, number: int, *, dpi: int, most_pixels: int, kind: Kind
) -> PagePicture:
    """Return a page as a picture: PNG without loss for engines here, JPEG for those far away."""
    if not can_be_drawn(media_type):
        raise UnreadableFile("The pages of such a file cannot be made into pictures.")
    parser = cast("PictureParser", parser_for(media_type))
    pixels = parser.picture(path, number, dpi=dpi, most_pixels=most_pixels)
    # Loaded at first use: the process that only asks for this needs none of it.
    image, encoded = import_module("PIL.Image").fromarray(pixels), io.BytesIO()
    if kind == "image/png":
        image.save(encoded, "PNG", compress_level=1)
    else:
        image.save(encoded, "JPEG", quality=JPEG_QUALITY)
    height, width = pixels.shape[:2]
    return PagePicture(number, encoded.getvalue(), kind, width, height, dpi)
