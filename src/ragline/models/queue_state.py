"""Queues as operators set them."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base


class QueueState(Base):
    """A queue that was ever paused; no worker takes work from it while `paused_at` is set."""

    __tablename__ = "queue_states"

    name: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    paused_at: Mapped[datetime | None]
