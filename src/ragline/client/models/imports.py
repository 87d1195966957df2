"""What an import would do, as the server tells of it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ragline.client.models.base import Answered


class ImportPreview(Answered):
    """What an import would do: nothing was queued.

    `new`, `changed` and `again` would be ingested; `pages`, `tokens`, `cost` and `seconds` are of
    those, None where too little was measured. `basis` says how each was estimated.
    """

    documents: int
    new: int = 0
    changed: int = 0
    again: int = 0
    unchanged: int = 0
    duplicates: int = 0
    missing_files: int = 0
    pages: int = 0
    tokens: int = 0
    cost: float | None = None
    seconds: float | None = None
    basis: dict[str, str] = Field(default_factory=dict)
    warnings: list[dict[str, Any]] = Field(default_factory=list)
