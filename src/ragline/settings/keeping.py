"""Webhooks, and how long things are kept."""

from __future__ import annotations

from pydantic import BaseModel, Field


class KeepingSettings(BaseModel):
    """Webhooks, and how long things are kept."""

    webhook_tries: int = Field(
        default=12, ge=10, le=50, description="Times that a webhook is tried before it fails."
    )
    webhook_seconds: float = Field(
        default=15, gt=0, le=60, description="Longest time that one try of a webhook may take."
    )
    webhook_response_bytes: int = Field(
        default=65536, ge=0, description="Most bytes that are read of a webhook's answer."
    )
    webhook_concurrency: int = Field(
        default=8, ge=1, le=1000, description="Webhooks that a worker sends at once."
    )
    webhook_private_addresses: bool = Field(
        default=False,
        description="Let webhooks go to loopback, private and link-local addresses too.",
    )
    keep_jobs_days: float = Field(
        default=90,
        gt=0,
        description="Days for which ended jobs are kept; failed ones are kept "
        "until they are dismissed.",
    )
    keep_events_days: float = Field(
        default=30, gt=0, description="Days for which the events of ended jobs are kept."
    )
    keep_deliveries_days: float = Field(
        default=30, gt=0, description="Days for which ended deliveries of webhooks are kept."
    )
    cleanup_schedule: str = Field(
        default="17 3 * * *",
        description="When old rows and stray files are removed, as a cron expression in UTC.",
    )
