"""What stands behind the colon of an embedder's spec: a model, and perhaps its dimensions."""

from __future__ import annotations

import re
from typing import NamedTuple

from ragline.errors import ConfigurationError

_DIMENSIONS = re.compile(r"(.*)@(\d{1,5})")


class Named(NamedTuple):
    """A model's name, and the dimensions that are wished for."""

    model: str
    dimensions: int | None


def named(model: str | None, *, default: str | None, adapter: str) -> Named:
    """Read a model's name; raise `ConfigurationError` where there is none and none is usual."""
    found = _DIMENSIONS.fullmatch(model or "")
    name = (found[1] if found else model) or default
    if name is None:
        raise ConfigurationError(
            f"The embedder {adapter!r} needs the name of a model: {adapter}:MODEL."
        )
    return Named(name, int(found[2]) if found else None)


def refuse_model(adapter: str, model: str | None) -> None:
    """Raise `ConfigurationError` for a model that an adapter of one model was given."""
    if model is not None:
        raise ConfigurationError(
            f"The embedder {adapter!r} has one model: write {adapter!r}, not '{adapter}:{model}'."
        )
