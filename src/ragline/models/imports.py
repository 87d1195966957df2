"""Imports: what is taken in, how far that is, and the files it needs until then."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Digest


class Import(Base):
    """What a job of kind `import` takes in.

    `source` says where from, `position` where it goes on (JSON of the source's own), `counts`
    what became of the items so far. `taken_at` is set once all items are documents.
    """

    __tablename__ = "imports"

    job_id: Mapped[str] = mapped_column(
        sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True
    )
    source: Mapped[dict[str, Any]]
    position: Mapped[dict[str, Any] | None]
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    taken_at: Mapped[datetime | None]


class ImportFile(Base):
    """A stored file that an import reads; it goes when all items are taken."""

    __tablename__ = "import_files"

    job_id: Mapped[str] = mapped_column(
        sa.ForeignKey("imports.job_id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(sa.String(20))
    name: Mapped[str] = mapped_column(sa.String(500))
    content_hash: Mapped[Digest] = mapped_column(index=True)
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
