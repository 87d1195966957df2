"""The page ledger and the texts it points at."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Digest, now


class Page(Base):
    """One page of one version of a document: who read it, how well and at what cost.

    `needs_ocr` is what was wrong with its own text, `unread` why it was not read in the end.
    `failed_engines` has the name, the reason and perhaps the number of tries of each that failed.
    """

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
    needs_ocr: Mapped[str | None] = mapped_column(sa.Text)
    unread: Mapped[str | None] = mapped_column(sa.Text)


class PageText(Base):
    """The text of a page under the hash of everything that decides it.

    `needs_ocr` says why a page's own text is not good enough, `failed_engines` which engines
    saw no text on it, or failed before the one that read this.
    """

    __tablename__ = "page_texts"

    key: Mapped[Digest] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(sa.Text)
    engine: Mapped[str | None] = mapped_column(sa.String(100))
    needs_ocr: Mapped[str | None] = mapped_column(sa.Text)
    failed_engines: Mapped[list[Any] | None]
    confidence: Mapped[float | None]
    seconds: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
