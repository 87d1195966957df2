"""What a compute child runs to embed passages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from ragline.providers import registry
from ragline.providers.contracts import Embedder, Vectors
from ragline.settings import Settings
from ragline.settings.embedders import EmbedderSettings


def embed_passages(settings: Settings, spec: str, texts: Sequence[str]) -> Vectors:
    """Return one row of 32-bit floats for each text; an array crosses processes as bytes."""
    return _embedder(_Key(settings, spec)).embed_passages(texts)


class _Key:
    """A spec with its settings: equal where what decides the model is."""

    def __init__(self, settings: Settings, spec: str) -> None:
        self.settings = settings
        self.spec = spec
        decisive = settings.model_dump(mode="json", include=set(EmbedderSettings.model_fields))
        self._decides = (spec, repr(sorted(decisive.items())))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._decides == other._decides

    def __hash__(self) -> int:
        return hash(self._decides)


@cache
def _embedder(key: _Key) -> Embedder:
    """Build an embedder once per process, so that its weights are read once."""
    return registry.embedder(key.spec, key.settings)
