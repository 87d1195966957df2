"""Reads pages with RapidOCR, whose models come with its package."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from PIL import Image

from ragline.errors import MissingPackage
from ragline.providers.contracts import PagePicture, PageReading
from ragline.providers.ocr.layout import Box, Word, text_of
from ragline.providers.ocr.preparing import decoded, evened, is_empty, read_upright
from ragline.settings import Settings

PARTS = "1"
"""Counts up when the same picture would give another text for our own part's sake."""


class RapidOCREngine:
    """One thread of its own; the models are loaded in the child that reads the first page."""

    provider = None
    pages_per_call = 1

    def __init__(self, settings: Settings) -> None:
        """Look for the package, without loading it."""
        try:
            self.name = f"rapidocr-{version('rapidocr')}-{PARTS}"
            version("onnxruntime")
        except PackageNotFoundError as error:
            raise MissingPackage(
                "The OCR engine 'rapidocr' needs a package. Install it: "
                "pip install 'ragline[rapidocr]'"
            ) from error

    def read(self, pictures: Sequence[PagePicture]) -> list[PageReading | None]:
        """Return the text of a page."""
        return [self._read(picture) for picture in pictures]

    def close(self) -> None:
        """Nothing stays open."""

    def _read(self, picture: PagePicture) -> PageReading:
        grey = decoded(picture)
        if is_empty(grey):
            return PageReading("", confidence=1.0)
        return read_upright(evened(grey), _read_page)


def _read_page(page: Image.Image) -> PageReading:
    found = _models()(np.asarray(page.convert("RGB")))
    words = list(_words(found))
    characters = sum(len(word.text) for word in words)
    weighed = sum(word.confidence * len(word.text) for word in words)
    confidence = weighed / characters if characters else None
    return PageReading(text_of(words), confidence=confidence)


@functools.cache
def _models() -> Any:
    # It writes a line for each page.
    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    rapidocr = import_module("rapidocr")
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "error",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def _words(found: Any) -> Iterator[Word]:
    """Yield what was found; each is a whole line, or a part of one that stands apart."""
    if found.txts is None or found.boxes is None:
        return
    parts = zip(found.txts, found.scores, found.boxes, strict=True)
    for number, (text, score, corners) in enumerate(parts):
        across, down = [corner[0] for corner in corners], [corner[1] for corner in corners]
        box = Box(round(min(across)), round(min(down)), round(max(across)), round(max(down)))
        if text.strip():
            yield Word(text.strip(), float(score), box, number)
