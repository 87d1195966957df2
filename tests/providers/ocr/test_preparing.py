"""Making pictures of pages easy to read."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ragline.providers.contracts import PageReading
from ragline.providers.ocr.preparing import (
    decoded,
    evened,
    is_empty,
    read_upright,
    skew,
    straightened,
)
from ragline.testing.ocr import LINES, page_of

PAGE = decoded(page_of(*LINES * 3, kind="image/png"))


def test_skew() -> None:
    """The lean of a page is found to a fraction of a degree."""
    leaning = PAGE.rotate(-5, Image.Resampling.BICUBIC, expand=True, fillcolor=255)

    assert pytest.approx(5, abs=0.4) == skew(leaning)


def test_level_page() -> None:
    """A page whose lines are level stays as it is."""
    assert PAGE is straightened(PAGE)


def test_paper() -> None:
    """Grey paper becomes white and the dark around it goes; the letters stay dark."""
    grey = np.asarray(PAGE).astype(np.float32) * 0.5
    grey[:, :60] = 10
    even = np.asarray(evened(Image.fromarray(grey.astype(np.uint8))))

    assert even[:, :20].min() > 200
    assert np.median(even) > 240
    assert even.min() < 60


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_empty(shade: int) -> None:
    """A page of one shade is empty, one with letters is not."""
    assert is_empty(Image.new("L", (800, 600), shade))
    assert not is_empty(PAGE)


def test_turning() -> None:
    """A page that reads poorly is turned until it reads well, and no further."""
    tried: list[tuple[int, int]] = []

    def read(page: Image.Image) -> PageReading:
        tried.append(page.size)
        is_well = len(tried) == 2
        return PageReading("a text that is long enough", 0.95 if is_well else 0.3)

    assert 0.95 == read_upright(PAGE, read).confidence
    assert 2 == len(tried)
