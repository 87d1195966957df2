"""Values of an export, of which none can be trusted to be what its format says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MAX_TEXT = 2000
MAX_LONG_TEXT = 100_000

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def text_of(value: object, *, limit: int = MAX_TEXT) -> str:
    """Return a text or number as clean text of at most `limit` characters, else nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    if isinstance(value, int) and abs(value) > 10**20:
        return ""
    text = str(value)[: 2 * limit].encode("utf-8", "replace").decode("utf-8")
    return _CONTROLS.sub(" ", text).strip()[:limit].strip()


def line_of(value: object, *, limit: int = MAX_TEXT) -> str:
    """Return a text or number as one line."""
    return " ".join(text_of(value, limit=limit).split())


def mapping_of(value: object) -> Mapping[str, Any]:
    """Return an object, or an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def list_of(value: object) -> Sequence[Any]:
    """Return a list, or an empty one for anything else."""
    return value if isinstance(value, list | tuple) else ()


def unique(texts: Iterable[str]) -> tuple[str, ...]:
    """Return texts without empty ones and repetitions, in their order."""
    return tuple(dict.fromkeys(text for text in texts if text))
