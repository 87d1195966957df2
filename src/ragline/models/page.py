"""The page ledger and the texts it points at."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Digest, now


class Page(Base):
    """One page of one version of a document: who read it, how well and at what cost."""

    __tablename__ = "pages"

    document_id: Mapped[str] = mapped_column(
        sa.ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    text_key: Mapped[Digest] = mapped_column(index=True)
    engine: Mapped[str] = mapped_column(sa.String(100))
    failed_engines: Mapped[list[Any]] = mapped_column(default=list)
    characters: Mapped[int]
    confidence: Mapped[float | None]
    seconds: Mapped[float]
    cost: Mapped[float] = mapped_column(default=0.0)


class PageText(Base):
    """The text of a page under the hash of everything that decides it."""

    __tablename__ = "page_texts"

    key: Mapped[Digest] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
