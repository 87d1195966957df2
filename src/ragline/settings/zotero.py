"""Libraries of Zotero, and reading notes."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class ZoteroSettings(BaseModel):
    """Libraries of Zotero, and reading notes."""

    zotero_base_url: str = Field(
        default="https://api.zotero.org",
        pattern=r"^https?://[^\s?#]+$",
        description="Address of Zotero's Web API; no request can name another one.",
    )
    zotero_timeout_seconds: float = Field(
        default=60,
        gt=0,
        description="Longest silence of Zotero's server before a call is given up.",
    )
    zotero_removed: Literal["delete", "keep"] = Field(
        default="delete",
        description="What becomes of the documents of items that were removed from a connected "
        "library, or put into its trash: `delete` or `keep`.",
    )
    zotero_sync_schedule: str | None = Field(
        default=None,
        description="When all connected libraries are synced, as a cron expression in UTC; unset "
        "means only when asked.",
    )
    note_prompt: str | None = Field(
        default=None,
        max_length=20_000,
        description="Prompt of reading notes where neither request nor library has one; unset "
        "means the built-in one, in French or English.",
    )
    note_tokens: int = Field(
        default=12_000,
        ge=200,
        description="Tokens of a work's passages that a reading note is written from; of longer "
        "works passages are chosen.",
    )
    note_answer_tokens: int = Field(
        default=1500, ge=50, description="Most tokens of a reading note."
    )
