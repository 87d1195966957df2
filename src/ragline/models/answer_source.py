"""The passages that an answer is written from, as they were when they were found."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Reference


class AnswerSource(Base):
    """A passage that a question's job found, with what a citation of it says.

    It goes with its document and with its job, but not with the version that it stood in: what
    is published while an answer is written takes none of its sources away.
    """

    __tablename__ = "answer_sources"

    job_id: Mapped[str] = mapped_column(
        sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True
    )
    chunk_id: Mapped[Reference] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(
        sa.ForeignKey("documents.id", ondelete="CASCADE"), index=True
    )
    title: Mapped[str] = mapped_column(sa.String(500))
    page: Mapped[int]
    text: Mapped[str] = mapped_column(sa.Text)
    reference: Mapped[dict[str, Any] | None]
