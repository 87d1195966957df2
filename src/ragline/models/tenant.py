"""Tenants: whoever owns projects; nothing crosses from one to another."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Id, now


class Tenant(Base):
    """An owner of projects, documents, jobs and keys."""

    __tablename__ = "tenants"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(sa.String(200), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
