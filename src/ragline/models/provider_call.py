"""Calls to providers: what limits across all workers are kept by, and what was paid for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Digest, Id, now


class ProviderLimit(Base):
    """A provider that is called within limits; its row is locked while a call is granted.

    `blocked_until` is the time, in seconds since 1970, before which it asked not to be called.
    """

    __tablename__ = "provider_limits"

    provider: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    blocked_until: Mapped[float] = mapped_column(default=0.0)


class ProviderCall(Base):
    """A call that was asked for and, once `started` is set, granted; times are seconds since 1970.

    It waits or is under way until `ended` is set or its lease is over at `expires`, so that
    a caller that died does not hold its place for ever.
    """

    __tablename__ = "provider_calls"
    __table_args__ = (sa.Index("ix_provider_calls", "provider", "started"),)

    id: Mapped[Id]
    provider: Mapped[str] = mapped_column(sa.String(100))
    job_id: Mapped[str | None] = mapped_column(sa.String(36))
    asked: Mapped[float]
    started: Mapped[float | None]
    expires: Mapped[float]
    ended: Mapped[float | None]


class PaidAnswer(Base):
    """A model's answer for a job under the hash of its exact inputs, until the job shows it."""

    __tablename__ = "paid_answers"

    key: Mapped[Digest] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(sa.ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    answer: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)
