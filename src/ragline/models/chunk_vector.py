"""Vectors of chunks in other indexes than their project's own."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Digest


class ChunkVector(Base):
    """A chunk's vector in an index: stored under `embedding_key`, and `indexed` or about to be.

    What a chunk has in its project's own index is no row here: that vector's key is the chunk's.
    """

    __tablename__ = "chunk_vectors"

    chunk_id: Mapped[str] = mapped_column(
        sa.ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True
    )
    index_id: Mapped[str] = mapped_column(
        sa.ForeignKey("vector_indexes.id"), primary_key=True, index=True
    )
    embedding_key: Mapped[Digest] = mapped_column(index=True)
    indexed: Mapped[bool] = mapped_column(default=False)
