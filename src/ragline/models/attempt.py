"""Attempts: each try at a job is one workflow of the engine."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, now


class Attempt(Base):
    """One try at a job; `idle_starts` counts the starts since it last made progress."""

    __tablename__ = "attempts"

    job_id: Mapped[str] = mapped_column(
        sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    workflow_id: Mapped[str] = mapped_column(sa.String(64), unique=True)
    idle_starts: Mapped[int] = mapped_column(default=0)
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]
