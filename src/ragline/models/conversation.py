"""Conversations: sessions with an agent, and their messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Id, now


class ChatSession(Base):
    """A conversation with an agent; `last_message` counts its messages.

    `share_id` is set where it was begun through a share. Once `deleted_at` is set, nobody sees it.
    """

    __tablename__ = "chat_sessions"
    __table_args__ = (sa.Index("ix_chat_sessions_listing", "tenant_id", "created_at", "id"),)

    id: Mapped[Id]
    tenant_id: Mapped[str] = mapped_column(sa.ForeignKey("tenants.id"))
    agent_id: Mapped[str] = mapped_column(
        sa.ForeignKey("agents.id", ondelete="CASCADE"), index=True
    )
    share_id: Mapped[str | None] = mapped_column(sa.String(36), index=True)
    title: Mapped[str | None] = mapped_column(sa.String(200))
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    last_message: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    deleted_at: Mapped[datetime | None]


class Message(Base):
    """One message of a session, numbered from 1 without gaps.

    What the user says stands in `content` at once. An assistant's message is a job
    (`job_id`): its status is the job's, and `content`, `citations` and `usage` are written in
    the transaction that completes it.
    """

    __tablename__ = "messages"
    __table_args__ = (sa.UniqueConstraint("session_id", "number"),)

    id: Mapped[Id]
    tenant_id: Mapped[str] = mapped_column(sa.ForeignKey("tenants.id"))
    session_id: Mapped[str] = mapped_column(sa.ForeignKey("chat_sessions.id", ondelete="CASCADE"))
    number: Mapped[int]
    role: Mapped[str] = mapped_column(sa.String(20))
    content: Mapped[str | None] = mapped_column(sa.Text)
    citations: Mapped[list[Any] | None]
    usage: Mapped[dict[str, Any] | None]
    job_id: Mapped[str | None] = mapped_column(sa.String(36), unique=True)
    generation_ms: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
