"""What calls of providers cost, for the jobs that they were made for."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Id, now


class PaidCall(Base):
    """A paid call, or one page's part of it; a job's cost is the sum of those made for it.

    `about` is the key of what was paid for, where a call is about one thing.
    """

    __tablename__ = "paid_calls"
    __table_args__ = (sa.Index("ix_paid_calls_job_id", "job_id", "about"),)

    id: Mapped[Id]
    job_id: Mapped[str] = mapped_column(sa.ForeignKey("jobs.id", ondelete="CASCADE"))
    purpose: Mapped[str] = mapped_column(sa.String(20))
    about: Mapped[str | None] = mapped_column(sa.String(64))
    provider: Mapped[str] = mapped_column(sa.String(100))
    model: Mapped[str] = mapped_column(sa.String(200))
    prompt_tokens: Mapped[int] = mapped_column(default=0)
    completion_tokens: Mapped[int] = mapped_column(default=0)
    cost: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(default=now)
