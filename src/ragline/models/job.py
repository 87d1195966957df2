"""Jobs: accepted work, from its acceptance to its one end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Id, now

DEFAULT_PRIORITY = 100


class Job(Base):
    """A piece of accepted work.

    `outcome` is written once, with the terminal event; until then the status is the
    engine's row of the current attempt (`workflow_id`). A parent of several jobs has
    no workflow of its own: it ends with its last child.

    `workflow` is the name of what runs on `queue`. `priority` orders the jobs of a tenant,
    lowest first. `waiting_for` names what a running job waits for, such as a provider's
    limit. `inputs` are what it was accepted with; `last_event` is the number of its latest
    event.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        sa.Index("ix_jobs_listing", "tenant_id", "created_at", "id"),
        sa.Index("ix_jobs_open", "outcome", "workflow_id"),
        sa.Index("ix_jobs_finished", "kind", "outcome", "finished_at"),
    )

    id: Mapped[Id]
    tenant_id: Mapped[str] = mapped_column(sa.ForeignKey("tenants.id"))
    project_id: Mapped[str | None] = mapped_column(sa.String(36), index=True)
    parent_id: Mapped[str | None] = mapped_column(sa.ForeignKey("jobs.id"), index=True)
    document_id: Mapped[str | None] = mapped_column(sa.String(36), index=True)
    kind: Mapped[str] = mapped_column(sa.String(20))
    version: Mapped[int | None]
    workflow_id: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    workflow: Mapped[str | None] = mapped_column(sa.String(40))
    queue: Mapped[str | None] = mapped_column(sa.String(40))
    priority: Mapped[int] = mapped_column(
        default=DEFAULT_PRIORITY, server_default=str(DEFAULT_PRIORITY)
    )
    not_before: Mapped[datetime | None]
    timeout_seconds: Mapped[float | None]
    inputs: Mapped[dict[str, Any] | None]
    waiting_for: Mapped[str | None] = mapped_column(sa.String(200))
    cancel_requested_at: Mapped[datetime | None]
    last_event: Mapped[int] = mapped_column(default=0, server_default="0")
    outcome: Mapped[str | None] = mapped_column(sa.String(20))
    error: Mapped[dict[str, Any] | None]
    result: Mapped[dict[str, Any] | None]
    warnings: Mapped[list[Any]] = mapped_column(default=list)
    progress_done: Mapped[int] = mapped_column(default=0)
    progress_total: Mapped[int | None]
    progress_unit: Mapped[str] = mapped_column(sa.String(20), default="steps")
    cost: Mapped[float] = mapped_column(default=0.0)
    tokens: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    dismissed_at: Mapped[datetime | None]


class JobTag(Base):
    """A word by which its owner finds a job again."""

    __tablename__ = "job_tags"

    tag: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    job_id: Mapped[str] = mapped_column(
        sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True, index=True
    )
