"""Reading files and pictures of pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Shape (height, width) in grey, or (height, width, 3) in sRGB."""


@dataclass(frozen=True, slots=True)
class PageText:
    """The text of one page; `number` counts from 1, `text` may be empty.

    `picture_share` (0–1) is the part of the page that pictures, or drawings that may be
    letters, cover. `needs_ocr` is what the parser knows against the text, such as letters that
    are named nowhere; None leaves the judgement to others.
    """

    number: int
    text: str
    picture_share: float = 0.0
    needs_ocr: str | None = None


class Parser(Protocol):
    """Reads files into pages of text, inside a compute child that may be killed.

    `name` carries the version of what reads, since it is part of the key under which
    a page's text is stored.
    """

    name: str
    media_types: frozenset[str]

    def count_pages(self, path: Path) -> int:
        """Return the number of pages (≥ 1); raise `UnreadableFile` with what to do."""
        ...

    def read_pages(self, path: Path, first: int, last: int) -> list[PageText]:
        """Return pages `first` to `last`, both counted from 1 and included."""
        ...


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A page as an encoded picture; `number` counts from 1, `media_type` is its encoding."""

    number: int
    content: bytes
    media_type: Literal["image/jpeg", "image/png"]
    width: int
    height: int
    dpi: int


class PictureParser(Parser, Protocol):
    """A parser whose pages can be seen as well; OCR reads no others."""

    def picture(self, path: Path, number: int, *, dpi: int, most_pixels: int) -> Pixels:
        """Return a page, upright, in black on white or in colour.

        Nothing larger than `most_pixels` is decoded: a page that can be drawn in any size is
        drawn smaller than `dpi` says; else `LimitExceeded`. Raises `UnreadableFile` as well.
        """
        ...


@dataclass(frozen=True, slots=True)
class PageReading:
    """What an engine read on a picture: Markdown or plain text, empty where it found none.

    `confidence` (0–1) is the engine's own, None where it tells none; `cost` is in USD. `problem`
    says why there is no text to use though the call was answered, and paid for.
    """

    text: str
    confidence: float | None = None
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    problem: str | None = None


class OCR(Protocol):
    """Reads the text on pictures of pages.

    `name` carries engine, version or model, and whatever else decides its texts. `provider` is
    the name under which its calls are limited; None means that it computes here: such an
    engine runs in compute children only, is pickled on its way there, and loads nothing large
    before it reads. It is built from the settings, where it raises `ConfigurationError` if it
    cannot work here, with what to do. A call is tried once and raises `TemporaryProviderError`
    where a retry may help, else `PermanentProviderError`, or `UnreadableFile`.
    """

    name: str
    provider: str | None
    pages_per_call: int

    def read(self, pictures: Sequence[PagePicture]) -> list[PageReading | None]:
        """Return what is on each of up to `pages_per_call` pictures, in their order.

        None stands for a picture that was not answered, though others were.
        """
        ...

    def close(self) -> None:
        """Release connections; closing twice is allowed."""
        ...
