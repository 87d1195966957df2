"""Results that were paid for by versions of documents which are gone."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Digest


class LeftResult(Base):
    """A cached result that a version of a document used: `cache` is the table that has it.

    Nothing needs it now, a later version may, and the document's deletion takes it along.
    """

    __tablename__ = "left_results"

    document_id: Mapped[str] = mapped_column(
        sa.ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True
    )
    cache: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    key: Mapped[Digest] = mapped_column(primary_key=True, index=True)
