"""Webhooks: who wants to be told of events, and what was told to whom."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Id, now
from ragline.models.event import CurrentTransaction


class WebhookEndpoint(Base):
    """An address that events of a tenant, or of one of its projects, are sent to.

    After a rotation `old_secret` signs beside `secret` until `old_secret_until`. It is told of
    the events behind (`after_transaction`, `after_cursor`) in their order: those that came
    after it was made, whatever the clocks say.
    """

    __tablename__ = "webhook_endpoints"

    id: Mapped[Id]
    tenant_id: Mapped[str] = mapped_column(
        sa.ForeignKey("tenants.id", ondelete="CASCADE"), index=True
    )
    project_id: Mapped[str | None] = mapped_column(sa.String(36))
    url: Mapped[str] = mapped_column(sa.String(2000))
    events: Mapped[list[Any]]
    secret: Mapped[str] = mapped_column(sa.String(200))
    old_secret: Mapped[str | None] = mapped_column(sa.String(200))
    old_secret_until: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None] = mapped_column(sa.String(500))
    after_transaction: Mapped[int] = mapped_column(sa.BigInteger, default=CurrentTransaction())
    after_cursor: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)


class WebhookDelivery(Base):
    """One event on its way to one endpoint; every try sends the same id and body.

    One worker tries at a time, until `leased_until`; `tries` tells of each try.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        sa.UniqueConstraint("endpoint_id", "event_cursor"),
        sa.Index("ix_webhook_deliveries_due", "status", "next_try_at", "endpoint_id"),
        sa.Index("ix_webhook_deliveries_log", "endpoint_id", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(
        sa.ForeignKey("webhook_endpoints.id", ondelete="CASCADE")
    )
    event_cursor: Mapped[int] = mapped_column(sa.BigInteger)
    type: Mapped[str] = mapped_column(sa.String(40))
    body: Mapped[str] = mapped_column(sa.Text)
    status: Mapped[str] = mapped_column(sa.String(20), default="pending")
    tries: Mapped[list[Any]] = mapped_column(default=list)
    try_count: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]


class WebhookPosition(Base):
    """The one row that says up to which event deliveries were made."""

    __tablename__ = "webhook_position"

    id: Mapped[int] = mapped_column(primary_key=True)
    transaction_id: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    cursor: Mapped[int] = mapped_column(sa.BigInteger, default=0)
