"""Agents: who answers, from which projects, and how."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Id, now


class Agent(Base):
    """A named way of answering; once `deleted_at` is set, nobody sees it.

    `projects` are the ids of the projects it searches. `instructions` are its owner's words on
    tone and role. `retrieval` holds how it searches, `answering` what is asked of the model,
    both as in `conversations/schemas.py`.
    """

    __tablename__ = "agents"
    __table_args__ = (sa.Index("ix_agents_listing", "tenant_id", "created_at", "id"),)

    id: Mapped[Id]
    tenant_id: Mapped[str] = mapped_column(sa.ForeignKey("tenants.id"))
    name: Mapped[str] = mapped_column(sa.String(200))
    description: Mapped[str | None] = mapped_column(sa.Text)
    projects: Mapped[list[Any]]
    instructions: Mapped[str] = mapped_column(sa.Text, default="")
    model: Mapped[str | None] = mapped_column(sa.String(200))
    language: Mapped[str | None] = mapped_column(sa.String(8))
    retrieval: Mapped[dict[str, Any]] = mapped_column(default=dict)
    answering: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    deleted_at: Mapped[datetime | None]


class AnswerPair(Base):
    """A question with its stored answer: asked nearly so again, it is answered at once.

    `vector` is the question's embedding by the model `embedder`, 32-bit floats, little-endian.
    """

    __tablename__ = "answer_pairs"
    __table_args__ = (sa.Index("ix_answer_pairs_listing", "agent_id", "created_at", "id"),)

    id: Mapped[Id]
    tenant_id: Mapped[str] = mapped_column(sa.ForeignKey("tenants.id"))
    agent_id: Mapped[str] = mapped_column(sa.ForeignKey("agents.id", ondelete="CASCADE"))
    question: Mapped[str] = mapped_column(sa.Text)
    answer: Mapped[str] = mapped_column(sa.Text)
    embedder: Mapped[str] = mapped_column(sa.String(100))
    vector: Mapped[bytes] = mapped_column(sa.LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Share(Base):
    """A token that opens an agent to the public, within limits; only its digest is kept.

    Limits that are None do not hold. `messages` and `tokens` count what was used.
    """

    __tablename__ = "shares"

    id: Mapped[Id]
    tenant_id: Mapped[str] = mapped_column(sa.ForeignKey("tenants.id"))
    agent_id: Mapped[str] = mapped_column(
        sa.ForeignKey("agents.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(sa.String(200))
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    most_messages: Mapped[int | None]
    most_tokens: Mapped[int | None] = mapped_column(sa.BigInteger)
    per_minute: Mapped[int | None]
    messages: Mapped[int] = mapped_column(default=0)
    tokens: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class ShareUse(Base):
    """A use of a share: a message, or a session where it has no job.

    While `open`, `reserved` tokens are held for the answer; then what the job took beyond
    `tokens_before` is counted in the share's row. Kept for a minute at least, to count by.
    """

    __tablename__ = "share_uses"
    __table_args__ = (sa.Index("ix_share_uses_listing", "share_id", "created_at"),)

    id: Mapped[Id]
    share_id: Mapped[str] = mapped_column(sa.ForeignKey("shares.id", ondelete="CASCADE"))
    job_id: Mapped[str | None] = mapped_column(sa.String(36))
    open: Mapped[bool]
    reserved: Mapped[int] = mapped_column(default=0)
    tokens_before: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
