"""What the pages of a PDF look like: how much of one is pictures, and the page as a picture."""

from __future__ import annotations

import math
from contextlib import closing
from importlib import import_module
from typing import Any

import numpy as np

from ragline.providers.contracts import Pixels

POINTS_PER_INCH = 72.0
# A page that has as much text as this is not looked at any closer.
ENOUGH_CHARACTERS = 400
MOST_OBJECTS = 5_000
# So many drawings on a page without text may be letters that were turned into outlines.
OUTLINES = 40
SAMPLED_CHARACTERS = 400
MOST_UNNAMED = 0.2
# Pages of a small paper size hold scans with more dots than the size tells.
LONGEST_SIDE_PIXELS = 2_400


def picture_share(page: Any, characters: int) -> float:
    """Return the part (0–1) of a page that pictures cover, or drawings that may be letters.

    A page with much text is not looked at: what its pictures cover decides nothing.
    """
    if characters >= ENOUGH_CHARACTERS:
        return 0.0
    raw = import_module("pypdfium2.raw")
    width, height = page.get_size()
    covered, outlines = 0.0, 0
    for seen, item in enumerate(page.get_objects(max_depth=4)):
        if seen >= MOST_OBJECTS:
            break
        if item.type == raw.FPDF_PAGEOBJ_IMAGE:
            covered += _area_on_page(item.get_bounds(), width, height)
        elif item.type in (raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_SHADING):
            outlines += 1
    if outlines >= OUTLINES and characters == 0:
        return 1.0
    return float(min(covered / max(width * height, 1.0), 1.0))


def unnamed_letters(layer: Any) -> str | None:
    """Return what is wrong where the letters of a text are shapes that no table names."""
    raw = import_module("pypdfium2.raw")
    count = layer.count_chars()
    step = max(1, count // SAMPLED_CHARACTERS)
    looked_at = range(0, count, step)
    unnamed = sum(raw.FPDFText_HasUnicodeMapError(layer.raw, index) == 1 for index in looked_at)
    if count and unnamed > MOST_UNNAMED * len(looked_at):
        share = 100 * unnamed / len(looked_at)
        return f"{share:.0f} % of its letters have no Unicode character in this PDF"
    return None


def drawn(page: Any, *, dpi: int, most_pixels: int) -> Pixels:
    """Return a page as a picture; one that would be too large is drawn smaller."""
    width, height = page.get_size()
    longest = max(width, height, 1.0)
    scale = max(dpi / POINTS_PER_INCH, min(_native_scale(page), LONGEST_SIDE_PIXELS / longest))
    pixels = width * height * scale**2
    if pixels > most_pixels:
        scale *= math.sqrt(most_pixels / pixels)
    with closing(page.render(scale=scale, rev_byteorder=True)) as bitmap:
        pixels_ = np.ascontiguousarray(bitmap.to_numpy())
    return _without_alpha(pixels_)


def _native_scale(page: Any) -> float:
    """Return how many dots the largest picture of a page has for a point."""
    raw = import_module("pypdfium2.raw")
    best, largest = 0.0, 0.0
    for seen, item in enumerate(page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=4)):
        if seen >= MOST_OBJECTS:
            break
        left, bottom, right, top = item.get_bounds()
        area = max(right - left, 0.0) * max(top - bottom, 0.0)
        if area > largest:
            largest = area
            best = math.sqrt(math.prod(item.get_px_size()) / area)
    return best


def _area_on_page(bounds: tuple[float, ...], width: float, height: float) -> float:
    left, bottom, right, top = bounds
    across = min(right, width) - max(left, 0.0)
    return max(across, 0.0) * max(min(top, height) - max(bottom, 0.0), 0.0)


def _without_alpha(pixels: Pixels) -> Pixels:
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        return pixels[:, :, 0]
    return pixels[:, :, :3] if pixels.ndim == 3 else pixels
