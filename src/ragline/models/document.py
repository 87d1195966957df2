"""Documents: one stored file or text of a project."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Digest, Id, now


class Document(Base):
    """A file of a project; its content is in the file store under `content_hash`.

    `latest_version` is the last version whose building was started,
    `published_version` the one that search returns, or none.
    """

    __tablename__ = "documents"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "content_hash"),
        sa.Index("ix_documents_listing", "project_id", "created_at", "id"),
    )

    id: Mapped[Id]
    tenant_id: Mapped[str] = mapped_column(sa.ForeignKey("tenants.id"))
    project_id: Mapped[str] = mapped_column(sa.ForeignKey("projects.id"))
    title: Mapped[str] = mapped_column(sa.String(500))
    filename: Mapped[str] = mapped_column(sa.String(500))
    external_id: Mapped[str | None] = mapped_column(sa.String(500))
    media_type: Mapped[str] = mapped_column(sa.String(100))
    content_hash: Mapped[Digest] = mapped_column(index=True)
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata")
    page_count: Mapped[int | None]
    language: Mapped[str | None] = mapped_column(sa.String(8))
    latest_version: Mapped[int] = mapped_column(default=0)
    published_version: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
