"""The embedded index: when an index is built over its vectors."""

from __future__ import annotations

from pydantic import BaseModel, Field


class EdgeSettings(BaseModel):
    """The embedded index: when an index is built over its vectors."""

    edge_index_from: int = Field(
        default=20_000,
        ge=0,
        description="Chunks from which a child process builds an index over a shard of the "
        "embedded store while the server goes on, for half the memory; 0 means never.",
    )
    edge_index_growth: float = Field(
        default=0.25,
        ge=0.05,
        le=10,
        description="Share of the chunks under the embedded store's index that must have come or "
        "gone until it is built again.",
    )
