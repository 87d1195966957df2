"""API keys; only their digest is kept."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Digest, Id, now


class ApiKey(Base):
    """A secret that opens one tenant with one role."""

    __tablename__ = "api_keys"

    id: Mapped[Id]
    tenant_id: Mapped[str] = mapped_column(sa.ForeignKey("tenants.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    role: Mapped[str] = mapped_column(sa.String(20))
    digest: Mapped[Digest] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    revoked_at: Mapped[datetime | None]
