"""Attempts: each try at a job is one workflow of the engine."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, now


class Attempt(Base):
    """One try at a job; `idle_starts` counts the starts since it last made progress.

    `first_step` is the number of the engine's step it began with: a retry skips those
    that an earlier attempt finished.
    """

    __tablename__ = "attempts"

    job_id: Mapped[str] = mapped_column(
        sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    workflow_id: Mapped[str] = mapped_column(sa.String(64), unique=True)
    first_step: Mapped[int] = mapped_column(default=1, server_default="1")
    idle_starts: Mapped[int] = mapped_column(default=0)
    outcome: Mapped[str | None] = mapped_column(sa.String(20))
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
