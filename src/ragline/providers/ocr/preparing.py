"""Making a picture of a page easy to read: even paper, straight lines, the right way up."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from ragline.providers.contracts import PagePicture, PageReading, Pixels

# The paper's own brightness is taken from a copy with about this many pixels on its long side.
PAPER_PIXELS = 400
# What is darker than this part of the usual paper is no paper: the scanner's lid, a hole.
DARK = 0.5
# Less than this difference between the darkest and the brightest parts is an empty page.
LEAST_CONTRAST = 24.0
SKEW_PIXELS = 900
MOST_SKEW_DEGREES = 12.0
LEAST_SKEW_DEGREES = 1.0
# Lines that stand upright are this much sharper from the side.
SIDEWAYS = 1.5
GOOD_CONFIDENCE = 0.7
# Letters upside down are read with less confidence than faint ones.
HOPELESS = 0.5
FEW_CHARACTERS = 12
LEAST_CHARACTERS = 3

TURNS = (Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270)
Read = Callable[[Image.Image], PageReading]
Again = Callable[[Image.Image, PageReading], PageReading]


def decoded(picture: PagePicture) -> Image.Image:
    """Return a picture of ours in grey."""
    return Image.open(io.BytesIO(picture.content)).convert("L")


def is_empty(grey: Image.Image) -> bool:
    """Tell whether a page has nothing on it that could be a letter."""
    small = np.asarray(grey.resize(_within(grey.size, 4 * PAPER_PIXELS), Image.Resampling.BOX))
    low, high = np.percentile(small, (0.05, 90))
    return bool(high - low < LEAST_CONTRAST)


def evened(grey: Image.Image) -> Image.Image:
    """Return a page with its paper made white and its dark surroundings taken away."""
    small = grey.resize(_within(grey.size, PAPER_PIXELS), Image.Resampling.BOX)
    paper = small.filter(ImageFilter.MaxFilter(9)).filter(ImageFilter.GaussianBlur(6))
    usual = float(np.median(np.asarray(paper)))
    around = np.asarray(paper.resize(grey.size, Image.Resampling.BILINEAR), dtype=np.float32)
    page = np.asarray(grey, dtype=np.float32) * (255.0 / np.maximum(around, 1.0))
    page[around < DARK * usual] = 255.0
    return Image.fromarray(np.minimum(page, 255.0).astype(np.uint8))


def scaled(page: Image.Image, factor: float) -> Image.Image:
    """Return a larger or a smaller copy."""
    size = max(1, round(factor * page.width)), max(1, round(factor * page.height))
    return page.resize(size, Image.Resampling.LANCZOS)


def contrasted(page: Image.Image) -> Image.Image:
    """Return a page with faint letters made dark, and the grain of the paper smoothed before."""
    return ImageOps.autocontrast(page.filter(ImageFilter.GaussianBlur(0.5)), cutoff=(2, 30))


def straightened(page: Image.Image) -> Image.Image:
    """Return a page with its lines level, if they lean by no more than some degrees."""
    angle = skew(page)
    if abs(angle) < LEAST_SKEW_DEGREES:
        return page
    return page.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255)


def skew(page: Image.Image) -> float:
    """Return by how many degrees a page must be turned, counter-clockwise, to be level.

    Level lines of letters make rows of ink and rows of paper: their sums differ most.
    """
    ink = _ink(page)
    best = _sharpest(ink, np.arange(-MOST_SKEW_DEGREES, MOST_SKEW_DEGREES + 0.1, 1.0))
    return _sharpest(ink, np.arange(best - 0.9, best + 0.95, 0.15))


def read_upright(page: Image.Image, read: Read, again: Again | None = None) -> PageReading:
    """Read a page, and turned by quarters as well where that reads poorly; return the best.

    `again` may improve on what was read of the page as it stands best.
    """
    improve = again or (lambda _page, reading: reading)
    first, *others = _turns(page)
    best_page = straightened(_turned(page, first))
    best, is_improved = read(best_page), False
    is_hopeless = len(best.text) >= FEW_CHARACTERS and (best.confidence or 0.0) < HOPELESS
    if not _is_good(best) and not is_hopeless:
        best, is_improved = improve(best_page, best), True
    for turn in others:
        if _is_good(best):
            break
        turned = straightened(_turned(page, turn))
        reading = read(turned)
        if score(reading) > score(best):
            best, best_page, is_improved = reading, turned, False
    return best if is_improved else improve(best_page, best)


def is_sideways(boxes: Sequence[tuple[int, int]]) -> bool:
    """Tell from the widths and heights of words whether their lines run up or down the page."""
    higher = sum(height > 1.2 * width for width, height in boxes)
    return len(boxes) >= FEW_CHARACTERS / 4 and higher > len(boxes) / 2


def _turns(page: Image.Image) -> Sequence[Image.Transpose | None]:
    """Return in which order a page is to be turned: one with upright lines by a quarter first."""
    ink = _ink(page)
    across, along = _sharpness(ink, 0.0), _sharpness(ink, 90.0)
    half, left, right = TURNS
    if along > SIDEWAYS * across:
        return (left, right, None, half)
    return (None, half, left, right)


def _turned(page: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    return page if turn is None else page.transpose(turn)


def _is_good(reading: PageReading) -> bool:
    confidence = reading.confidence or 0.0
    return confidence >= GOOD_CONFIDENCE and len(reading.text) >= FEW_CHARACTERS


def score(reading: PageReading) -> float:
    """Return how much was read how well; what is read upside down is read with doubts."""
    if len(reading.text) < LEAST_CHARACTERS:
        return 0.0
    return float((reading.confidence or 0.0) ** 3 * len(reading.text))


def _sharpest(ink: Image.Image, angles: Any) -> float:
    sharpness = [_sharpness(ink, float(angle)) for angle in angles]
    best = int(np.argmax(sharpness))
    level = int(np.argmin(np.abs(angles)))
    # A page without lines is as sharp one way as another: then it stays as it is.
    if sharpness[best] < 1.05 * sharpness[level]:
        best = level
    return float(angles[best])


def _ink(page: Image.Image) -> Image.Image:
    small = page.resize(_within(page.size, SKEW_PIXELS), Image.Resampling.BOX)
    return Image.fromarray(255 - np.asarray(small))


def _sharpness(ink: Image.Image, angle: float) -> float:
    turned = np.asarray(
        ink.rotate(angle, Image.Resampling.NEAREST, expand=True, fillcolor=0), dtype=np.float32
    )
    rows = cast("Pixels", turned.sum(axis=1))
    return float(np.square(np.diff(rows)).sum())


def _within(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Return a size of the same shape whose longer side is no longer than this."""
    factor = min(1.0, longest / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
