"""Documents: one stored file or text of a project."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Digest, Id, now


class Document(Base):
    """A file of a project as it is found; `external_id` names it in its project.

    `latest_version` is the last version whose building was started,
    `published_version` the one that search returns, or none.

    Two documents of a project have the same content where the content of one was changed into
    that of the other. The second one's `content_hash` is then a hash of its own, and
    `file_hash` that of the content.
    """

    __tablename__ = "documents"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "content_hash"),
        sa.Index("ix_documents_listing", "project_id", "created_at", "id"),
        sa.Index("ix_documents_external_id", "project_id", "external_id"),
    )

    id: Mapped[Id]
    tenant_id: Mapped[str] = mapped_column(sa.ForeignKey("tenants.id"))
    project_id: Mapped[str] = mapped_column(sa.ForeignKey("projects.id"))
    title: Mapped[str] = mapped_column(sa.String(500))
    filename: Mapped[str] = mapped_column(sa.String(500))
    external_id: Mapped[str | None] = mapped_column(sa.String(500))
    media_type: Mapped[str] = mapped_column(sa.String(100))
    content_hash: Mapped[Digest] = mapped_column(index=True)
    file_hash: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata")
    page_count: Mapped[int | None]
    clean: Mapped[bool | None]
    language: Mapped[str | None] = mapped_column(sa.String(8))
    latest_version: Mapped[int] = mapped_column(default=0)
    published_version: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)

    @property
    def stored_hash(self) -> str:
        """The name of its file in the file store."""
        return self.file_hash or self.content_hash

    def hold(self, content_hash: str, *, is_elsewhere: bool) -> None:
        """Give it a content; `is_elsewhere` says that another document's row has the same."""
        self.content_hash, self.file_hash = content_hash, None
        if is_elsewhere:
            own = hashlib.sha256(f"{self.id}:{content_hash}".encode())
            self.content_hash, self.file_hash = own.hexdigest(), content_hash
