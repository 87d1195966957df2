"""Executors: the worker processes that run, or ran, workflows."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base


class Executor(Base):
    """A worker process; times are seconds since 1970."""

    __tablename__ = "executors"

    id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    host: Mapped[str] = mapped_column(sa.String(255))
    process: Mapped[int]
    started: Mapped[float]
    heartbeat: Mapped[float]
