"""Turning texts and pictures into vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Shape (number of texts, dimensions), each row of length 1; a single vector has one axis."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How an embedder's cosines are mixed with lexical scores.

    A cosine of `floor` means unrelated; `lexical_weight` (0–1) is the share of the
    lexical score where question and passage share a language, and
    `cross_language_weight` its share where they do not.
    """

    floor: float
    lexical_weight: float
    cross_language_weight: float


class Embedder(Protocol):
    """Turns texts into vectors; the same text gives the same vector on every machine.

    `name` carries model and version: with the text it is the key of a stored embedding.
    """

    name: str
    dimensions: int
    calibration: Calibration

    def prepare(self) -> None:
        """Load what is slow to load; processes forked afterwards share it."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each text."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """Return one vector of shape (dimensions,)."""
        ...


Picture = NDArray[np.uint8]
"""Pixels of shape (height, width, 3): upright, in sRGB, transparency on white."""


@dataclass(frozen=True, slots=True)
class ImageCalibration:
    """Between which cosines an image model says something: unrelated, and as near as it gets.

    Two pictures lie between the `images` cosines, a text and a picture between the `texts` ones.
    """

    images: tuple[float, float]
    texts: tuple[float, float]


class ImageEmbedder(Protocol):
    """Turns pictures and texts into vectors of one space.

    `name` carries model, weights and preparation: with the file it is the key of a stored
    vector. `provider` is the name under which its calls are limited; None means that it
    computes here, so that it runs in compute children only. It is built from the settings and
    raises `ConfigurationError`, with how to get weights, where these name no usable model; what
    it is asked raises `TemporaryProviderError` where a retry may help, else
    `PermanentProviderError`.
    """

    name: str
    provider: str | None
    dimensions: int
    calibration: ImageCalibration

    def embed_images(self, pictures: Sequence[Picture]) -> Vectors:
        """Return one row for each picture; its longer side has at most 1,024 pixels."""
        ...

    def embed_text(self, text: str) -> Vectors:
        """Return one vector of shape (dimensions,); a text that is too long is cut."""
        ...

    def close(self) -> None:
        """Release connections and weights; closing twice is allowed."""
        ...
