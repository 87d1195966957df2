"""Totals: counts of what is no longer there, which never fall."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base


class Total(Base):
    """How much of something was removed so far, such as "removed/jobs"."""

    __tablename__ = "totals"

    name: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    count: Mapped[int] = mapped_column(sa.BigInteger, default=0)
