"""Files as pictures: by content, upright, on white, and measured before they are decoded."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features
from tests.images import made

from ragline.errors import LimitExceeded, UnreadableFile
from ragline.images.pictures import LONGEST_SIDE, detect_media_type, read, thumbnail

MEGAPIXELS = 4_000_000
FORMATS = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
}


def look(content: bytes) -> np.ndarray:
    media_type = detect_media_type(content[:4096])
    assert media_type is not None, "it is taken for a picture"
    return read(content, media_type, most_pixels=MEGAPIXELS).picture


@pytest.mark.parametrize("format", FORMATS)
def test_formats_are_told_by_their_content(format: str) -> None:
    """Each format is known by its first bytes and read as the picture it is."""
    if format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    content = made.photo("blue", format=format)

    assert FORMATS[format] == detect_media_type(content)
    picture = look(content)
    assert (40, 60, 3) == picture.shape
    assert np.allclose((20, 20, 220), picture[30, 30], atol=12)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(orientation: int) -> None:
    """How the camera was held shows in the size, and in where the white corner is."""
    content = made.turned(orientation)

    found = read(content, "image/jpeg", most_pixels=MEGAPIXELS)

    sideways = orientation >= 5
    assert ((40, 60) if sideways else (60, 40)) == (found.width, found.height)
    # The first row and column of the file are at the side that the EXIF standard names.
    bottom, right = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    corner = found.picture[-1 if bottom else 0, -1 if right else 0]
    assert corner.min() > 200


def test_damaged_metadata_do_not_hide_a_picture() -> None:
    """EXIF that cannot be read says nothing about how the picture lies."""
    content = made.saved(made.image(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xffgarbage")

    assert (40, 60, 3) == look(content).shape


def test_transparency_lies_on_white() -> None:
    """What shines through is white, in every way of being transparent."""
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    for content in (
        made.saved(clear, "PNG"),
        made.saved(clear, "WEBP", lossless=True),
        made.saved(Image.new("LA", (8, 8), (0, 0)), "PNG"),
        made.saved(Image.new("P", (8, 8), 0), "GIF", transparency=0),
    ):
        assert look(content).min() > 250


@pytest.mark.parametrize(
    "image",
    [
        Image.new("1", (8, 8), 1),
        Image.new("L", (8, 8), 255),
        Image.new("CMYK", (8, 8), (0, 0, 0, 0)),
        Image.fromarray(np.full((8, 8), 65535, dtype=np.uint16)),
        Image.fromarray(np.full((8, 8), 1.0, dtype=np.float32)),
    ],
    ids=["1", "L", "CMYK", "I;16", "F"],
)
def test_every_mode_becomes_three_channels(image: Image.Image) -> None:
    """White is white, however it is written down."""
    picture = look(made.saved(image, "TIFF"))

    assert ((8, 8, 3), 255) == (picture.shape, picture.min())


def test_a_gif_is_its_first_frame() -> None:
    """Of moving pictures the first one counts, however many follow."""
    picture = look(made.many_frames())

    assert (8, 8, 3) == picture.shape


def test_large_pictures_are_cut_down() -> None:
    """Models and thumbnails are given no more than they need."""
    content = made.saved(made.image(width=2000, height=1500), "JPEG")

    found = read(content, "image/jpeg", most_pixels=MEGAPIXELS)

    assert (2000, 1500) == (found.width, found.height)
    assert (768, LONGEST_SIDE, 3) == found.picture.shape


def test_a_line_of_pixels_is_a_picture() -> None:
    """A picture a million times as long as wide stays small."""
    content = made.png(1_000_000, 1)

    found = read(content, "image/png", most_pixels=MEGAPIXELS)

    assert (1, LONGEST_SIDE, 3) == found.picture.shape
    assert thumbnail(found.picture, side=100)


@pytest.mark.parametrize("format", ["PNG", "GIF", "BMP", "WEBP", "TIFF", "JPEG"])
def test_pixels_are_counted_before_decoding(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One pixel too many by the header is refused, and nothing was decoded."""
    content = made.saved(Image.new("RGB", (2001, 2000)), format)
    # Pillow is not ours: a decoder that is called anyway would show here.
    monkeypatch.setattr(Image.Image, "load", _never)

    with pytest.raises(LimitExceeded, match=r"4 megapixels.*RAGLINE_IMAGE_MAX_MEGAPIXELS"):
        look(content)


def _never(*_: object) -> None:
    raise AssertionError("it was decoded")


@pytest.mark.parametrize(
    ("hostile", "error"),
    [
        (made.bomb, LimitExceeded),
        (made.icc_bomb, UnreadableFile),
        (made.text_bomb, UnreadableFile),
        (lambda: made.png(0, 0), UnreadableFile),
        (lambda: made.png(1000, 1000, rows=b"no zlib"), UnreadableFile),
        (lambda: made.photo()[:300], UnreadableFile),
        (lambda: made.photo(format="PNG")[:60], UnreadableFile),
        (lambda: made.photo(format="GIF")[:20], UnreadableFile),
        (lambda: made.photo(format="WEBP")[:40], UnreadableFile),
        (lambda: made.photo(format="TIFF")[:100], UnreadableFile),
        (lambda: made.photo(format="BMP")[:100], UnreadableFile),
        (lambda: made.photo(format="AVIF")[:120], UnreadableFile),
        (lambda: b"\xff\xd8\xff" + b"\0" * 500, UnreadableFile),
        (lambda: b"II*\0" + b"\xff" * 500, UnreadableFile),
        (lambda: b"GIF89a" + b"\xff" * 500, UnreadableFile),
    ],
)
def test_hostile_pictures_are_refused(hostile: object, error: type[Exception]) -> None:
    """Bombs, truncated files and garbage behind a good beginning end with a sentence."""
    assert callable(hostile)

    with pytest.raises(error, match="picture"):
        look(hostile())


def test_very_many_chunks_are_read() -> None:
    """A file of nothing but small parts costs no more than its size."""
    assert (8, 8, 3) == look(made.many_chunks()).shape


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<?xml version='1.0'?><svg/>",
        b"<!DOCTYPE html><html></html>",
        b"%PDF-1.7\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"PK\x03\x04" + b"\0" * 100,
        b"BM, said the text, is no bitmap of any kind",
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
        b"Plain text",
    ],
)
def test_other_files_are_no_pictures(content: bytes) -> None:
    """SVG, pages, programs and documents are not taken, whatever they are called."""
    assert detect_media_type(content) is None


@pytest.mark.parametrize(
    "markup", [b"<script>alert(1)</script>", b"<SVG onload=x>", b"< html>", b"<?php x ?>"]
)
def test_files_that_are_two_things_are_refused(markup: bytes) -> None:
    """A picture that a browser might take for a page is none here."""
    whole = made.saved(made.image(), "JPEG", comment=markup)
    gif = b"GIF89a/*" + markup + b"*/" + bytes(100)

    assert detect_media_type(whole) is None
    assert detect_media_type(gif) is None


def test_what_is_hidden_behind_a_picture_is_not_in_its_thumbnail() -> None:
    """A page behind the picture's end goes no further than the original."""
    noise = made.saved(made.noise(200, 200), "JPEG")
    content = noise + b"<script>alert(1)</script>"

    assert b"script" not in thumbnail(look(content), side=64)


@pytest.mark.data
def test_real_photos(test_data: Path) -> None:
    """Photographs by volunteers are all read, with the size that they have."""
    folder = test_data / "images" / "clothing" / "images"
    for path in sorted(folder.iterdir())[:40]:
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            size = image.size
        found = read(path, "image/jpeg", most_pixels=MEGAPIXELS)
        assert sorted(size) == sorted((found.width, found.height))
