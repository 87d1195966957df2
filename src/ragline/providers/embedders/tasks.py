"""What a compute child runs to embed passages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from ragline.providers import registry
from ragline.providers.contracts import Embedder, Vectors


@cache
def _embedder(adapter_name: str) -> Embedder:
    """Build an adapter once per process, so that its weights are read once."""
    adapter: Embedder = registry.load("ragline.embedders", adapter_name)()
    return adapter


def embed_passages(adapter_name: str, texts: Sequence[str]) -> Vectors:
    """Return one row of 32-bit floats for each text; an array crosses processes as bytes."""
    return _embedder(adapter_name).embed_passages(texts)
