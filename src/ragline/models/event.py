"""Events: every change of a job, numbered without gaps within the job."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, now


class Event(Base):
    """A change of a job; `cursor` rises over all jobs, `number` by one within its job."""

    __tablename__ = "events"
    __table_args__ = (
        sa.UniqueConstraint("job_id", "number"),
        sa.Index("ix_events_project", "project_id", "cursor"),
        {"sqlite_autoincrement": True},
    )

    cursor: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True
    )
    job_id: Mapped[str] = mapped_column(sa.ForeignKey("jobs.id", ondelete="CASCADE"))
    project_id: Mapped[str | None] = mapped_column(sa.String(36))
    number: Mapped[int]
    type: Mapped[str] = mapped_column(sa.String(40))
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
