"""Versions of documents in work: what a document is to become once a job of it has ended."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Digest


class DocumentVersion(Base):
    """What a job makes of a document that was there before; all attempts of the job share it.

    It becomes the document's own row in the transaction that publishes the version, and is gone
    then. A job without such a row builds what the document's row says. `content_hash` is always
    the name of the file in the file store.
    """

    __tablename__ = "document_versions"

    job_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    document_id: Mapped[str] = mapped_column(
        sa.ForeignKey("documents.id", ondelete="CASCADE"), index=True
    )
    title: Mapped[str] = mapped_column(sa.String(500))
    filename: Mapped[str] = mapped_column(sa.String(500))
    media_type: Mapped[str] = mapped_column(sa.String(100))
    content_hash: Mapped[Digest] = mapped_column(index=True)
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata")
    page_count: Mapped[int | None]
    language: Mapped[str | None] = mapped_column(sa.String(8))
