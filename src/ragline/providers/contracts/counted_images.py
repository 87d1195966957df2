"""Image embedders whose calls are paid for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from ragline.providers.contracts.embedding import Embedded, ImageEmbedder, Picture


@runtime_checkable
class CountedImageEmbedder(ImageEmbedder, Protocol):
    """An image embedder that says what its server counted; optional for adapters."""

    def embed_counted(self, pictures: Sequence[Picture]) -> Embedded:
        """Return what `embed_images` does, with the tokens that were counted for it."""
        ...
