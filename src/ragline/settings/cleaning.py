"""The repair of badly read passages by a language model."""

from __future__ import annotations

from pydantic import BaseModel, Field


class CleaningSettings(BaseModel):
    """The repair of badly read passages by a language model."""

    clean: bool = Field(
        default=False,
        description="Have the model behind `RAGLINE_LLM` repair passages that were read badly, "
        "where neither the upload nor its project says otherwise; it is paid for by the token.",
    )
    clean_model: str | None = Field(
        default=None,
        description="Model that repairs passages; unset means the one that answers. With several "
        "in `RAGLINE_LLM` write `name/model`.",
    )
    clean_prompt: str | None = Field(
        default=None,
        max_length=10_000,
        description="What the repairing model is told, where the project says nothing else; unset "
        "means our own words. How passages are marked is added.",
    )
    clean_batch: int = Field(
        default=5, ge=1, le=50, description="Passages that are repaired with one call."
    )
    clean_concurrency: int = Field(
        default=2, ge=1, le=32, description="Calls at a time by which one document is repaired."
    )
    clean_tries: int = Field(
        default=3,
        ge=1,
        le=10,
        description="Calls for one batch; after the last of them its passages stay as they were "
        "read, with a warning.",
    )
