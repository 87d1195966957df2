"""Vector indexes: collections of vectors, each of one model in one store."""

from __future__ import annotations

import hashlib
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Id, now


class VectorIndex(Base):
    """A collection that projects share; a model or a store more is an index more.

    `store` is the name of its adapter, `embedder` how the model is asked for, and `embedder_name`
    the model with its version, which decides what a text's vector is. `collection` is its name in
    the store, None for the store's first. `with_words` says that it holds lexical vectors too.
    """

    __tablename__ = "vector_indexes"
    __table_args__ = (sa.UniqueConstraint("store", "embedder_name", "collection"),)

    id: Mapped[Id]
    store: Mapped[str] = mapped_column(sa.String(40))
    embedder: Mapped[str] = mapped_column(sa.String(200))
    embedder_name: Mapped[str] = mapped_column(sa.String(300))
    dimensions: Mapped[int]
    collection: Mapped[str | None] = mapped_column(sa.String(40))
    with_words: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(default=now)


def collection_of(embedder_name: str, *, with_words: bool) -> str:
    """Return the name of a model's collection where it is not the store's first one."""
    digest = hashlib.sha256(embedder_name.encode()).hexdigest()[:16]
    return f"{'text' if with_words else 'better'}_{digest}"
