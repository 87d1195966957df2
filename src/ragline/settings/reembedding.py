"""Changing a project's model or store."""

from __future__ import annotations

from pydantic import BaseModel, Field


class ReembeddingSettings(BaseModel):
    """Changing a project's model or store."""

    keep_previous_index_days: float = Field(
        default=14,
        gt=0,
        description="Days for which the index that a project had before is kept up to date, so "
        "that its re-embedding can be taken back at once.",
    )
