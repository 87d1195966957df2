"""Turning texts and pictures into vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ragline.providers.contracts.answering import Usage

Vectors = NDArray[np.float32]
"""Shape (number of texts, dimensions), each row of length 1; a single vector has one axis."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How an embedder's cosines are mixed with lexical scores.

    A cosine of `floor` means unrelated, one of `ceiling` a passage that answers a question as
    well as passages do; `lexical_weight` (0–1) is the share of the lexical score where question
    and passage share a language, and `cross_language_weight` its share where they do not.
    `languages` (ISO 639-1) are those that the model understands; None means many. Where it is
    the better one of two, what the first model says counts `beside` (0–1) as well.
    """

    floor: float
    lexical_weight: float
    cross_language_weight: float
    ceiling: float = 1.0
    languages: frozenset[str] | None = None
    beside: float = 0.25


class Embedder(Protocol):
    """Turns texts into vectors; the same text gives the same vector on every machine.

    `name` (at most 100 signs) carries model and version: with the text it is the key of a stored
    embedding. `provider` is the name under which its calls are limited; None means that it
    computes here, so that passages are embedded in compute children only. An adapter is built as
    `Adapter(settings, model)`, with what stands behind the colon of its spec or None, and raises
    `ConfigurationError` where it cannot work.

    Raises `TemporaryProviderError` where a retry may help, else `PermanentProviderError`: there
    is no vector that stands for a failure.
    """

    @property
    def name(self) -> str:
        """The model with its version."""
        ...

    @property
    def provider(self) -> str | None:
        """Whose limits its calls keep to; None for a model that computes here."""
        ...

    @property
    def dimensions(self) -> int:
        """The length of its vectors."""
        ...

    @property
    def calibration(self) -> Calibration:
        """What its cosines mean."""
        ...

    def prepare(self) -> None:
        """Load what is slow to load and may be shared by processes that are forked afterwards."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each text; what is too long for the model is cut."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """Return one vector of shape (dimensions,)."""
        ...

    def close(self) -> None:
        """Release connections and weights; closing twice is allowed."""
        ...


class Embedded(NamedTuple):
    """What one call of a service gave: a row for each text, and what it counted."""

    vectors: Vectors
    usage: Usage


class RemoteEmbedder(Embedder, Protocol):
    """An embedder with a provider: whoever calls it decides when each call is made."""

    def in_calls(self, texts: Sequence[str]) -> list[slice]:
        """Divide texts into groups of which each fits one call."""
        ...

    def call(self, texts: Sequence[str], *, for_query: bool = False) -> Embedded:
        """Return the vectors of such a group from one call."""
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
