"""What OpenAI's interface keeps beyond our own rows: files, vector stores' terms, responses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Digest, Id, now


class UploadedFile(Base):
    """A file that was sent before it was put into a project; its content is in the file store."""

    __tablename__ = "uploaded_files"
    __table_args__ = (sa.Index("ix_uploaded_files_listing", "tenant_id", "created_at", "id"),)

    id: Mapped[Id]
    tenant_id: Mapped[str] = mapped_column(sa.ForeignKey("tenants.id"))
    filename: Mapped[str] = mapped_column(sa.String(500))
    purpose: Mapped[str] = mapped_column(sa.String(40))
    media_type: Mapped[str] = mapped_column(sa.String(100))
    content_hash: Mapped[Digest] = mapped_column(index=True)
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]


class VectorStore(Base):
    """What a vector store has beyond its project: metadata, and when it expires unless used.

    A project that was made elsewhere has no row. `expires_days` counts from `last_active_at`,
    which is right to the hour.
    """

    __tablename__ = "vector_stores"

    project_id: Mapped[str] = mapped_column(
        sa.ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata")
    expires_days: Mapped[int | None]
    last_active_at: Mapped[datetime] = mapped_column(default=now)


class StoreFile(Base):
    """An uploaded file in a project, as which document, and in which batch it came.

    `document_id` is empty where nothing here reads the file: then `attributes` keeps what was
    said about it, which else is the document's metadata.
    """

    __tablename__ = "store_files"

    project_id: Mapped[str] = mapped_column(
        sa.ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    file_id: Mapped[str] = mapped_column(
        sa.ForeignKey("uploaded_files.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    document_id: Mapped[str | None] = mapped_column(sa.String(36), index=True)
    batch_id: Mapped[str | None] = mapped_column(sa.String(36), index=True)
    attributes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)


class StoredResponse(Base):
    """A response of OpenAI's interface: its request, and the job that answers it, if it is one.

    `output` is set once it is complete; `previous_id` is the response it goes on from.
    """

    __tablename__ = "stored_responses"
    __table_args__ = (sa.Index("ix_stored_responses_listing", "tenant_id", "created_at", "id"),)

    id: Mapped[Id]
    tenant_id: Mapped[str] = mapped_column(sa.ForeignKey("tenants.id"))
    previous_id: Mapped[str | None] = mapped_column(sa.String(36), index=True)
    job_id: Mapped[str | None] = mapped_column(sa.String(36), unique=True)
    request: Mapped[dict[str, Any]]
    output: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
