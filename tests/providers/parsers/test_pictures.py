"""Pictures of pages: counted, and drawn within limits."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.ingestion.scans import encoded, picture

from ragline.errors import LimitExceeded, UnreadableFile
from ragline.providers.parsers.pictures import LONGEST_SIDE_PIXELS, PicturesParser

PARSER = PicturesParser()
MOST = 40_000_000


def saved(folder: Path, content: bytes) -> Path:
    path = folder / "picture"
    path.write_bytes(content)
    return path


def drawn(path: Path, number: int = 1, most_pixels: int = MOST) -> tuple[int, ...]:
    return PARSER.picture(path, number, dpi=200, most_pixels=most_pixels).shape


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_one_page(tmp_path: Path, kind: str) -> None:
    """A picture is one page without a text of its own."""
    path = saved(tmp_path, encoded(picture("one"), kind))
    (page,) = PARSER.read_pages(path, 1, PARSER.count_pages(path))

    assert ("", 1.0) == (page.text, page.picture_share)
    assert page.needs_ocr
    assert (500, 700) == drawn(path)[:2]


def test_frames(tmp_path: Path) -> None:
    """Each frame of a TIFF is a page; those of a moving picture are not."""
    more = [picture("two", size=(300, 200)), picture("three")]
    tiff = saved(tmp_path, encoded(picture("one"), "TIFF", save_all=True, append_images=more))
    assert 3 == PARSER.count_pages(tiff)
    assert (200, 300) == drawn(tiff, 2)
    webp = saved(tmp_path, encoded(picture("one"), "WEBP", save_all=True, append_images=more[1:]))

    assert 1 == PARSER.count_pages(webp)


def test_upright(tmp_path: Path) -> None:
    """What the camera noted of its own turning is heeded."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path, encoded(picture("one"), "JPEG", exif=exif))

    assert (700, 500) == drawn(path)


def test_transparency(tmp_path: Path) -> None:
    """What is transparent is white."""
    clear = Image.new("RGBA", (50, 40), (0, 0, 0, 0))
    path = saved(tmp_path, encoded(clear, "PNG"))

    assert 255 == int(np.asarray(PARSER.picture(path, 1, dpi=200, most_pixels=MOST)).min())


@pytest.mark.parametrize("mode", ["1", "I;16", "CMYK", "P", "LA"])
def test_kinds_of_pixels(tmp_path: Path, mode: str) -> None:
    """Whatever its pixels are, a picture becomes grey or coloured bytes."""
    kind = "TIFF" if mode in ("CMYK", "I;16") else "PNG"
    path = saved(tmp_path, encoded(picture("one").convert(mode), kind))
    pixels = PARSER.picture(path, 1, dpi=200, most_pixels=MOST)

    assert np.uint8 == pixels.dtype
    assert pixels.max() > 200
    assert pixels.min() < 60


def test_large_pictures_are_made_smaller(tmp_path: Path) -> None:
    """No picture is larger than helps reading."""
    path = saved(tmp_path, encoded(Image.new("L", (6000, 3000), 255), "PNG"))

    assert LONGEST_SIDE_PIXELS == max(drawn(path))


def test_too_many_pixels(tmp_path: Path) -> None:
    """A picture of too many pixels is refused before it is decoded, with the setting's name."""
    path = saved(tmp_path, bomb(30_000, 30_000))

    with pytest.raises(LimitExceeded, match=r"RAGLINE_OCR_MAX_MEGAPIXELS|far larger"):
        drawn(path)


def test_limit(tmp_path: Path) -> None:
    """The limit is the setting's."""
    path = saved(tmp_path, encoded(picture("one"), "PNG"))

    with pytest.raises(LimitExceeded, match="700 × 500"):
        drawn(path, most_pixels=700 * 499)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_damaged(tmp_path: Path, kind: str) -> None:
    """A picture that is cut off says what to do."""
    content = encoded(picture("one"), kind)
    path = saved(tmp_path, content[: len(content) // 3])

    with pytest.raises(UnreadableFile, match="damaged"):
        drawn(path)


def test_empty_file(tmp_path: Path) -> None:
    """A file without bytes is told apart from a damaged one."""
    with pytest.raises(UnreadableFile, match="empty"):
        PARSER.count_pages(saved(tmp_path, b""))


def bomb(width: int, height: int) -> bytes:
    """Return a PNG of many pixels in few bytes."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(width + 1) * 10)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    )
