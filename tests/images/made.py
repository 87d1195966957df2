"""Pictures for tests: harmless ones of every format, and hostile ones."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image
from tests.tiny_clip import COLOURS

PNG = b"\x89PNG\r\n\x1a\n"


def image(colour: str = "red", *, width: int = 60, height: int = 40) -> Image.Image:
    """Return an image of one colour with a white corner, top left."""
    made = Image.new("RGB", (width, height), COLOURS[colour])
    made.paste((255, 255, 255), (0, 0, max(1, width // 8), max(1, height // 8)))
    return made


def photo(colour: str = "red", *, format: str = "JPEG", **options: Any) -> bytes:
    """Return a picture as a file."""
    return saved(image(colour), format, **options)


def saved(made: Image.Image, format: str, **options: Any) -> bytes:
    """Return an image as a file."""
    written = io.BytesIO()
    made.save(written, format, **options)
    return written.getvalue()


def turned(orientation: int) -> bytes:
    """Return a picture that its metadata say to turn."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(image(), "JPEG", exif=exif)


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG."""
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def png(width: int, height: int, *before: bytes, rows: bytes | None = None) -> bytes:
    """Return a PNG in grey with a header of this size and chunks before its rows."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    content = zlib.compress(bytes((width + 1) * height)) if rows is None else rows
    return PNG + chunk(b"IHDR", header) + b"".join(before) + chunk(b"IDAT", content) + END


END = chunk(b"IEND", b"")


def bomb() -> bytes:
    """Return a PNG of a few kilobytes that says it has 10,000 megapixels."""
    return png(100_000, 100_000, rows=zlib.compress(bytes(1_000_000)))


def icc_bomb() -> bytes:
    """Return a PNG with a colour profile of 64 MiB in 64 KiB."""
    profile = b"profile\0\0" + zlib.compress(bytes(64 * 1024**2))
    return png(8, 8, chunk(b"iCCP", profile))


def text_bomb() -> bytes:
    """Return a PNG with compressed texts of 100 MiB in all."""
    text = chunk(b"zTXt", b"key\0\0" + zlib.compress(bytes(1_000_000)))
    return png(8, 8, *([text] * 100))


def many_chunks() -> bytes:
    """Return a PNG with 200,000 empty texts before its picture."""
    return png(8, 8, chunk(b"tEXt", b"k\0") * 200_000)


def many_frames(count: int = 2_000) -> bytes:
    """Return a GIF with very many frames."""
    frames = [Image.new("P", (8, 8), number % 255) for number in range(count)]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


def noise(width: int, height: int) -> Image.Image:
    """Return an image that compresses badly."""
    random = np.random.default_rng(0)
    return Image.fromarray(random.integers(0, 255, (height, width, 3), dtype=np.uint8))
