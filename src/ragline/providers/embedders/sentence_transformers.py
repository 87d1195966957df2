"""Any model of sentence-transformers, on PyTorch; weights are fetched at first use.

Source: https://sbert.net/docs/package_reference/sentence_transformer/model.html
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from sentence_transformers import SentenceTransformer

from ragline.errors import PermanentProviderError, TemporaryProviderError
from ragline.providers.contracts import Calibration, Vectors
from ragline.providers.embedders.calibrating import measured
from ragline.providers.embedders.local_folder import cache_folder, own_folder
from ragline.providers.embedders.prefixes import Prefixes, prefixed, prefixes_of
from ragline.providers.embedders.specs import named
from ragline.settings import Settings

LONGEST_TEXT = 32_000


class SentenceTransformers:
    """Embeds on the processor, with the model's own prompts if it has some; contract `Embedder`."""

    provider = None

    def __init__(self, settings: Settings, model: str | None = None) -> None:
        """Load nothing yet."""
        self._wanted = named(model, default=None, adapter="sentence-transformers")
        cut = f"@{self._wanted.dimensions}" if self._wanted.dimensions else ""
        self.name = f"st/{self._wanted.model}{cut}"
        self._settings = settings
        self._loading = threading.Lock()
        self._loaded: SentenceTransformer | None = None

    @cached_property
    def dimensions(self) -> int:
        """The length of the vectors, which the model knows."""
        return self._wanted.dimensions or int(self._model().get_sentence_embedding_dimension() or 0)

    @cached_property
    def calibration(self) -> Calibration:
        """What the cosines mean, by a few samples."""
        return measured(
            lambda texts: np.stack([self.embed_query(text) for text in texts]),
            self.embed_passages,
        )

    def prepare(self) -> None:
        """Load nothing: PyTorch's threads do not outlive a fork."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each text; what the model does not take is cut."""
        model = self._model()
        sent = [prefixed(self._prefixes.passage, text[:LONGEST_TEXT]) for text in texts]
        return self._encoded(model.encode_document, sent)

    def embed_query(self, text: str) -> Vectors:
        """Return one vector of shape (dimensions,)."""
        model = self._model()
        vector: Vectors = self._encoded(
            model.encode_query, [prefixed(self._prefixes.query, text[:LONGEST_TEXT])]
        )[0]
        return vector

    def close(self) -> None:
        """Let the weights go."""
        self._loaded = None

    @property
    def _prefixes(self) -> Prefixes:
        """What is put before texts where the model's own files say nothing of it."""
        own = getattr(self._model(), "prompts", None) or {}
        return Prefixes() if any(own.values()) else prefixes_of(self._wanted.model)

    def _encoded(self, encode: Any, texts: Sequence[str]) -> Vectors:
        rows = encode(
            list(texts),
            batch_size=1,
            show_progress_bar=False,
            convert_to_numpy=True,
            normalize_embeddings=True,
        )
        return np.asarray(rows, dtype=np.float32)

    def _model(self) -> SentenceTransformer:
        """Load the weights once, fetching them where they may be fetched."""
        with self._loading:
            if self._loaded is None:
                self._loaded = self._opened()
            return self._loaded

    def _opened(self) -> SentenceTransformer:
        folder = own_folder(self._settings, self._wanted.model)
        is_offline = self._settings.embedder_offline or folder is not None
        try:
            return SentenceTransformer(
                str(folder) if folder else self._wanted.model,
                device="cpu",
                cache_folder=cache_folder(self._settings),
                local_files_only=is_offline,
                trust_remote_code=False,
                truncate_dim=self._wanted.dimensions,
            )
        except Exception as error:  # noqa: BLE001 # downloads fail in every way there is
            said = f"{type(error).__name__}: {str(error)[:200]}"
        kind = PermanentProviderError if is_offline else TemporaryProviderError
        raise kind(
            f"sentence-transformers could not load {self._wanted.model}. Check its name; without "
            "a network, put its folder into RAGLINE_EMBEDDER_MODELS_PATH and set "
            f"RAGLINE_EMBEDDER_OFFLINE=true. It says: {said}"
        )
