"""Events: every change of a job, numbered without gaps within the job."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, now


class CurrentTransaction(sa.ColumnElement[int]):
    """The id of the writing transaction on PostgreSQL, 0 on SQLite."""

    inherit_cache = True
    type = sa.BigInteger()


@compiles(CurrentTransaction)
def _no_transaction_id(_element: CurrentTransaction, _compiler: Any, **_options: Any) -> str:
    return "0"


@compiles(CurrentTransaction, "postgresql")
def _transaction_id(_element: CurrentTransaction, _compiler: Any, **_options: Any) -> str:
    return "CAST(CAST(pg_current_xact_id() AS text) AS bigint)"


class Event(Base):
    """A change of a job; `number` rises by one within its job.

    Over all jobs, events are ordered by `transaction_id`, then `cursor`. On PostgreSQL
    numbers are handed out before commits, so that a reader who went by `cursor` alone could
    pass an event that is committed later; by the id of the writing transaction it knows what
    may still come. SQLite has one writer and needs no such id: there it is 0.
    """

    __tablename__ = "events"
    __table_args__ = (
        sa.UniqueConstraint("job_id", "number"),
        sa.Index("ix_events_project", "project_id", "transaction_id", "cursor"),
        sa.Index("ix_events_order", "transaction_id", "cursor"),
        {"sqlite_autoincrement": True},
    )

    cursor: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True
    )
    transaction_id: Mapped[int] = mapped_column(
        sa.BigInteger, default=CurrentTransaction(), server_default="0"
    )
    job_id: Mapped[str] = mapped_column(sa.ForeignKey("jobs.id", ondelete="CASCADE"))
    project_id: Mapped[str | None] = mapped_column(sa.String(36))
    number: Mapped[int]
    type: Mapped[str] = mapped_column(sa.String(40))
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
