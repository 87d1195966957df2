"""Answers that are given again while the documents they rest on have not changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Digest, Reference, now


class CachedAnswer(Base):
    """An answer under the hash of all that decides it, the question's words included.

    `scope` is the hash of the same without the question: within it, near questions are
    looked for by `vector`, 32-bit floats, little-endian. Projects and their content versions
    are part of both, so that an answer never outlives its documents.
    """

    __tablename__ = "cached_answers"
    __table_args__ = (sa.Index("ix_cached_answers_scope", "scope", "created_at"),)

    key: Mapped[Digest] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(sa.ForeignKey("tenants.id"), index=True)
    scope: Mapped[Digest]
    question: Mapped[str] = mapped_column(sa.Text)
    vector: Mapped[bytes] = mapped_column(sa.LargeBinary)
    answer: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)


class CachedAnswerJob(Base):
    """A job whose question, in its very words, an answer is kept for; the cache may be elsewhere.

    Where the words of the last of them are erased, the kept answer goes too.
    """

    __tablename__ = "cached_answer_jobs"

    job_id: Mapped[str] = mapped_column(
        sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[Digest] = mapped_column(primary_key=True, index=True)


class CachedAnswerProject(Base):
    """A project that an answer rests on, in the version of its content that was searched."""

    __tablename__ = "cached_answer_projects"

    key: Mapped[Digest] = mapped_column(
        sa.ForeignKey("cached_answers.key", ondelete="CASCADE"), primary_key=True
    )
    project_id: Mapped[Reference] = mapped_column(primary_key=True, index=True)
    content_version: Mapped[int] = mapped_column(sa.BigInteger)
