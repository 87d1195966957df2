"""Pictures of pages: PNG, JPEG, WEBP, and TIFF with a page for each frame."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from ragline.errors import LimitExceeded, UnreadableFile
from ragline.providers.contracts import PageText, Pixels
from ragline.providers.parsers.plain import empty_file

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "MPO")
IN_FRAMES = frozenset({"TIFF"})
MOST_FRAMES = 100_000
# An A4 page at 300 dots per inch: more does not help reading and costs its square in time.
LONGEST_SIDE_PIXELS = 3_508
# What Pillow raises for damaged files is of many kinds.
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    struct.error,
    ZeroDivisionError,
)


class PicturesParser:
    """Knows how many pages a picture has; their texts are empty until an engine reads them."""

    name = "pictures-1"
    media_types = frozenset({"image/png", "image/jpeg", "image/tiff", "image/webp"})

    def count_pages(self, path: Path) -> int:
        """Return the number of frames of a TIFF; other pictures are one page."""
        with _opened(path) as picture:
            if picture.format not in IN_FRAMES:
                return 1
            frames = int(getattr(picture, "n_frames", 1))
        if frames > MOST_FRAMES:
            raise LimitExceeded(
                f"This picture has more than {MOST_FRAMES} frames. Split it and upload the parts."
            )
        return max(frames, 1)

    def read_pages(self, path: Path, first: int, last: int) -> list[PageText]:
        """Return empty texts: a picture has no text of its own, however large it is."""
        return [
            PageText(number, "", picture_share=1.0, needs_ocr="the page is a picture")
            for number in range(first, last + 1)
        ]

    def picture(self, path: Path, number: int, *, dpi: int, most_pixels: int) -> Pixels:
        """Return a frame, upright; one with more pixels than allowed is not decoded.

        A picture has the pixels that it has: `dpi` says nothing of it.
        """
        with _opened(path) as picture:
            if number > 1:
                picture.seek(number - 1)
            width, height = picture.size
            if width * height > most_pixels:
                raise LimitExceeded(
                    f"This picture has {width} × {height} pixels, more than the "
                    f"{most_pixels / 1e6:g} million allowed. Make it smaller, or raise "
                    "RAGLINE_OCR_MAX_MEGAPIXELS."
                )
            picture.draft("RGB", (LONGEST_SIDE_PIXELS, LONGEST_SIDE_PIXELS))
            return np.asarray(_upright(picture))


@contextmanager
def _opened(path: Path) -> Iterator[ImageFile.ImageFile]:
    if not path.stat().st_size:
        raise empty_file()
    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures and odd metadata; the limits here are our own.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as picture:
                yield picture
    except Image.DecompressionBombError as error:
        raise LimitExceeded(
            "This picture is far larger than a page. Make it smaller and upload it again."
        ) from error
    except UnidentifiedImageError as error:
        raise _damaged() from error
    except MemoryError:
        raise  # whoever set the limit says which one
    except _DAMAGED as error:
        raise _damaged() from error


def _upright(picture: Image.Image) -> Image.Image:
    """Return a picture as it is to be seen, in grey or in colour on white, not too large."""
    turned = ImageOps.exif_transpose(picture)
    if turned.mode in ("1", "L"):
        plain = turned.convert("L")
    elif turned.mode.startswith(("I", "F")):
        plain = _eight_bits(turned)
    elif "A" in turned.getbands() or "transparency" in turned.info:
        layered = turned.convert("RGBA")
        plain = Image.new("RGB", layered.size, "white")
        plain.paste(layered, mask=layered.getchannel("A"))
    else:
        plain = turned.convert("RGB")
    plain.thumbnail((LONGEST_SIDE_PIXELS, LONGEST_SIDE_PIXELS), Image.Resampling.LANCZOS)
    return plain


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Return a picture of deeper greys with 256 of them."""
    values = np.asarray(picture).astype(np.float64)
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) * (255.0 / max(high - low, 1e-9))
    return Image.fromarray(scaled.astype(np.uint8))


def _damaged() -> UnreadableFile:
    return UnreadableFile(
        "This picture is damaged or cut off. Save it anew from a viewer and upload it again."
    )
