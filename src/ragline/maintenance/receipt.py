"""The receipt of a clean-up, which is its job's result; it grows with each removal."""

from __future__ import annotations

from typing import Any

from ragline.maintenance.rules import Removed

MOST_DIFFERENCES = 100
Receipt = dict[str, Any]


def of(result: Receipt | None) -> Receipt:
    """Return the receipt of a job as it stands, an empty one where nothing was removed yet."""
    return result or {"dry_run": False, "removed": {}, "differences": []}


def with_removal(result: Receipt | None, what: str, removed: Removed) -> Receipt:
    """Return a receipt with one more removal on it."""
    receipt = of(result)
    counts = receipt["removed"]
    return receipt | {"removed": counts | {what: counts.get(what, 0) + removed.count}}


def with_differences(result: Receipt | None, sentences: list[str]) -> Receipt:
    """Return a receipt with more sentences on it, while there is room."""
    receipt = of(result)
    return receipt | {"differences": [*receipt["differences"], *sentences][:MOST_DIFFERENCES]}
