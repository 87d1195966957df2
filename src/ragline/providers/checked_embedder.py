"""The one place where an embedder's vectors are judged, whoever made them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import cast

import numpy as np

from ragline.errors import PermanentProviderError, ProviderError, TemporaryProviderError
from ragline.providers.contracts import (
    Calibration,
    Embedded,
    Embedder,
    RemoteEmbedder,
    Vectors,
)
from ragline.providers.unit_vectors import unit_rows

LONGEST_NAME = 100


class CheckedEmbedder:
    """Passes on vectors of length 1, as many as texts; anything else is an error.

    Contract `Embedder`, and `RemoteEmbedder` where the adapter asks a service.
    """

    def __init__(self, adapter: Embedder) -> None:
        self._adapter = adapter

    @cached_property
    def name(self) -> str:
        """The adapter's name; a longer one than others can keep ends in its hash."""
        name = self._adapter.name
        if len(name) <= LONGEST_NAME:
            return name
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        return f"{name[: LONGEST_NAME - 17]}-{digest}"

    @property
    def provider(self) -> str | None:
        """Whose limits its calls keep to; None for a model that computes here."""
        return self._adapter.provider

    @property
    def dimensions(self) -> int:
        """The length of its vectors."""
        return self._adapter.dimensions

    @property
    def calibration(self) -> Calibration:
        """What its cosines mean."""
        return self._adapter.calibration

    def prepare(self) -> None:
        """Load what is slow to load."""
        self._adapter.prepare()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return one row of length 1 for each text."""
        if not texts:
            return np.empty((0, self.dimensions), dtype=np.float32)
        return self._checked(self._adapter.embed_passages(texts), len(texts))

    def embed_query(self, text: str) -> Vectors:
        """Return one vector of length 1."""
        vector: Vectors = self._checked(np.atleast_2d(self._adapter.embed_query(text)), 1)[0]
        return vector

    def in_calls(self, texts: Sequence[str]) -> list[slice]:
        """Divide texts into groups of which each fits one call."""
        return self._remote.in_calls(texts)

    def call(self, texts: Sequence[str], *, for_query: bool = False) -> Embedded:
        """Return rows of length 1 for such a group, and what the call took."""
        found = self._remote.call(texts, for_query=for_query)
        return found._replace(vectors=self._checked(found.vectors, len(texts)))

    def close(self) -> None:
        """Close the adapter."""
        self._adapter.close()

    @property
    def _remote(self) -> RemoteEmbedder:
        assert self.provider is not None, "asked where a service embeds"
        return cast(RemoteEmbedder, self._adapter)

    def _checked(self, rows: Vectors, count: int) -> Vectors:
        if rows.ndim != 2 or len(rows) != count:
            raise self._failure(f"gave vectors of shape {rows.shape} for {count} texts")
        if rows.shape[1] != self.dimensions:
            raise PermanentProviderError(
                f"The embedder {self.name} gave vectors of {rows.shape[1]} dimensions where "
                f"{self.dimensions} were expected. Name the number behind an @ in "
                "RAGLINE_EMBEDDER or as `dimensions` in RAGLINE_EMBEDDER_ENDPOINTS, or leave it "
                "out there, and check that the model is the right one."
            )
        unit = unit_rows(rows)
        if unit is None:
            raise self._failure("gave a vector of zeros, or of what is no number")
        return unit

    def _failure(self, what: str) -> ProviderError:
        """Return the error: a service may do better next time, a model here will not."""
        if self.provider is None:
            return PermanentProviderError(
                f"The embedder {self.name} {what}. Check that its weights are whole."
            )
        return TemporaryProviderError(f"The embedder {self.name} {what}. It is asked again later.")
