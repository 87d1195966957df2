"""Chunks: the passages that search returns."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Digest


class Chunk(Base):
    """A passage of one version of a document, with its pages counted from 1.

    `cleaning_key` is that of the `TidiedText` which decided its text, if a model was to repair
    it; without such a row there was no answer.
    """

    __tablename__ = "chunks"
    __table_args__ = (sa.UniqueConstraint("document_id", "version", "ordinal"),)

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    document_id: Mapped[str] = mapped_column(sa.ForeignKey("documents.id", ondelete="CASCADE"))
    version: Mapped[int]
    ordinal: Mapped[int]
    text: Mapped[str] = mapped_column(sa.Text)
    heading: Mapped[str | None] = mapped_column(sa.Text)
    page_start: Mapped[int]
    page_end: Mapped[int]
    language: Mapped[str | None] = mapped_column(sa.String(8))
    embedding_key: Mapped[Digest] = mapped_column(index=True)
    cleaning_key: Mapped[str | None] = mapped_column(sa.String(64), index=True)


def chunk_id(document_id: str, version: int, ordinal: int) -> str:
    """Return the identifier that this chunk has on every run."""
    return str(uuid.uuid5(uuid.UUID(document_id), f"{version}/{ordinal}"))
