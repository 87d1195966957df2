"""Any model that fastembed names, on onnxruntime; weights are fetched at first use.

Source: https://qdrant.github.io/fastembed/
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version

import numpy as np
from fastembed import TextEmbedding

from ragline.errors import ConfigurationError, PermanentProviderError, TemporaryProviderError
from ragline.providers.contracts import Calibration, Vectors
from ragline.providers.embedders.calibrating import measured
from ragline.providers.embedders.local_folder import cache_folder, own_folder
from ragline.providers.embedders.prefixes import prefixed, prefixes_of
from ragline.providers.embedders.specs import named
from ragline.settings import Settings

DEFAULT_MODEL = "BAAI/bge-small-en-v1.5"
LONGEST_TEXT = 32_000


class FastEmbed:
    """Embeds each text alone, so that its vector does not depend on others; contract `Embedder`.

    Where this package says nothing of what a model wants before its texts, fastembed does.
    """

    provider = None

    def __init__(self, settings: Settings, model: str | None = None) -> None:
        """Refuse a model that fastembed does not know; load nothing yet."""
        wanted = named(model, default=DEFAULT_MODEL, adapter="fastembed")
        known = {each["model"].lower(): each for each in TextEmbedding.list_supported_models()}
        if wanted.model.lower() not in known or wanted.dimensions is not None:
            raise ConfigurationError(
                f"fastembed knows no model {model!r}. Name one of those that `python -c 'import "
                'fastembed; [print(m["model"]) for m in '
                "fastembed.TextEmbedding.list_supported_models()]'` prints."
            )
        found = known[wanted.model.lower()]
        release = ".".join(version("fastembed").split(".")[:2])
        self.model = str(found["model"])
        self.dimensions = int(found["dim"])
        self.name = f"fastembed/{self.model}/{release}"
        self._settings = settings
        self._prefixes = prefixes_of(self.model)
        self._loading = threading.Lock()
        self._loaded: TextEmbedding | None = None

    @cached_property
    def calibration(self) -> Calibration:
        """What the cosines mean, by a few samples."""
        return measured(
            lambda texts: np.stack([self.embed_query(text) for text in texts]),
            self.embed_passages,
        )

    def prepare(self) -> None:
        """Load nothing: a runtime with threads of its own does not outlive a fork."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each text; what the model does not take is cut."""
        sent = [prefixed(self._prefixes.passage, text[:LONGEST_TEXT]) for text in texts]
        rows = list(self._model().passage_embed(sent, batch_size=1))
        return np.stack(rows).astype(np.float32)

    def embed_query(self, text: str) -> Vectors:
        """Return one vector of shape (dimensions,)."""
        sent = prefixed(self._prefixes.query, text[:LONGEST_TEXT])
        [row] = self._model().query_embed([sent], batch_size=1)
        return np.asarray(row, dtype=np.float32)

    def close(self) -> None:
        """Let the weights go."""
        self._loaded = None

    def _model(self) -> TextEmbedding:
        """Load the weights once, fetching them where they may be fetched."""
        with self._loading:
            if self._loaded is None:
                self._loaded = self._opened()
            return self._loaded

    def _opened(self) -> TextEmbedding:
        folder = own_folder(self._settings, self.model)
        is_offline = self._settings.embedder_offline or folder is not None
        try:
            return TextEmbedding(
                self.model,
                cache_dir=cache_folder(self._settings),
                threads=self._settings.embedder_threads,
                cuda=False,
                local_files_only=is_offline,
                specific_model_path=str(folder) if folder else None,
            )
        except Exception as error:  # noqa: BLE001 # downloads fail in every way there is
            said = f"{type(error).__name__}: {str(error)[:200]}"
        if is_offline:
            raise PermanentProviderError(
                f"fastembed cannot load the weights of {self.model} from "
                f"{folder or 'its cache'}, and may not fetch them. Put an ONNX export with its "
                "tokenizer there, or set RAGLINE_EMBEDDER_OFFLINE=false without that folder. "
                f"It says: {said}"
            )
        raise TemporaryProviderError(
            f"fastembed could not fetch or load the weights of {self.model}. It is tried again "
            f"later; without a network, put them into RAGLINE_EMBEDDER_MODELS_PATH. It says: {said}"
        )
