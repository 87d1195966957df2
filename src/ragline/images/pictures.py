"""Files as pictures: judged by their first bytes, measured before they are decoded.

Decoding runs in compute children only: a picture can be made to cost any time and memory.
"""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from ragline.errors import LimitExceeded, RaglineError, UnreadableFile
from ragline.providers.contracts import Picture

HEAD_BYTES = 4096
LONGEST_SIDE = 1024
ORIENTATION = 0x0112
JPEG_QUALITY = 85
_FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/tiff": "TIFF",
    "image/bmp": "BMP",
    "image/avif": "AVIF",
}
READABLE = "JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF"
_STARTS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
)
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
# Browsers that guess a type look for these within about so many bytes.
_SNIFFED_BYTES = 2048
_MARKUP = re.compile(
    rb"<\s*(script|svg|html|!doctype|iframe|body|head|img|\?php|object|embed)\b", re.I
)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Read(NamedTuple):
    """A picture with its longer side cut down to `LONGEST_SIDE`, and its size before that."""

    width: int
    height: int
    picture: Picture


def detect_media_type(head: bytes) -> str | None:
    """Return what kind of picture a file is by its first bytes; None for anything else.

    A file that a browser might take for a page, whatever else it is, counts as none.
    """
    if _MARKUP.search(head[:_SNIFFED_BYTES]):
        return None
    for start, media_type in _STARTS:
        if head.startswith(start):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "image/bmp"
    if head[4:8] == b"ftyp" and b"avif" in head[8 : int.from_bytes(head[:4], "big")]:
        return "image/avif"
    return None


def read(source: Path | bytes, media_type: str, *, most_pixels: int) -> Read:
    """Decode a file's first picture: upright, on white, in three channels.

    Raises `LimitExceeded` for one with more pixels, by its header and before any is decoded,
    and `UnreadableFile` for one that is damaged.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it warns of is measured or refused here
            with _opened(source, media_type) as image:
                _measure(image.size, most_pixels)
                return _read(image)
    except (RaglineError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise _too_large(most_pixels) from None
    except Exception as error:  # a damaged file makes the library raise anything
        raise UnreadableFile(
            f"This picture is damaged and cannot be read ({type(error).__name__}). Open it, save "
            "it anew and send it again."
        ) from error


def thumbnail(picture: Picture, *, side: int) -> bytes:
    """Return a picture as a small JPEG without any metadata."""
    return as_jpeg(_scaled(Image.fromarray(picture), side))


def as_jpeg(image: Image.Image, *, quality: int = JPEG_QUALITY) -> bytes:
    """Return an image as a JPEG."""
    written = io.BytesIO()
    image.save(written, "JPEG", quality=quality, optimize=True)
    return written.getvalue()


def _opened(source: Path | bytes, media_type: str) -> Image.Image:
    # One format only: others of the library start programs or read several files.
    named = [_FORMATS[media_type]]
    return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=named)


def _measure(size: tuple[int, int], most_pixels: int) -> None:
    width, height = size
    if width * height > most_pixels:
        raise _too_large(most_pixels)
    if width < 1 or height < 1:
        raise UnreadableFile("This picture has no pixels; send another one.")


def _too_large(most_pixels: int) -> LimitExceeded:
    return LimitExceeded(
        f"This picture has more than {most_pixels / 1e6:g} megapixels, as many as are decoded "
        "here. Send a smaller one, or raise RAGLINE_IMAGE_MAX_MEGAPIXELS."
    )


def _read(image: Image.Image) -> Read:
    width, height = image.size
    image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG is decoded at a fraction of its size
    image.load()
    turn = _TURNS.get(_orientation(image))
    upright = _on_white(image)
    upright = _scaled(upright, LONGEST_SIDE)
    if turn is not None:
        upright = upright.transpose(turn)
        if turn not in (_TURNS[2], _TURNS[3], _TURNS[4]):
            width, height = height, width
    return Read(width, height, np.asarray(upright))


def _orientation(image: Image.Image) -> int:
    """Return how the camera was held; metadata that cannot be read say nothing about it."""
    try:
        found: Any = image.getexif().get(ORIENTATION)
    except Exception:  # noqa: BLE001  # the picture itself was read
        return 1
    return found if isinstance(found, int) else 1


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _from_wide(image)
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        whole = image.convert("RGBA")
        white = Image.new("RGB", whole.size, "white")
        white.paste(whole, mask=whole.getchannel("A"))
        return white
    return image.convert("RGB")


def _from_wide(image: Image.Image) -> Image.Image:
    """Return grey values of more than 8 bits as what a screen shows of them."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    highest = float(values.max())
    scale = 255.0 if highest <= 1 else 1.0 if highest <= 255 else 255 / 65535
    grey = Image.fromarray(np.clip(values * scale, 0, 255).astype(np.uint8))
    return grey.convert("RGB")


def _scaled(image: Image.Image, side: int) -> Image.Image:
    factor = side / max(image.size)
    if factor >= 1:
        return image
    width, height = (max(1, round(length * factor)) for length in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0)
