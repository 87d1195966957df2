"""Embeddings under the hash of their exact inputs."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Digest, now


class Embedding(Base):
    """A vector of 32-bit floats, little-endian."""

    __tablename__ = "embeddings"

    key: Mapped[Digest] = mapped_column(primary_key=True)
    vector: Mapped[bytes] = mapped_column(sa.LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=now)
