"""What indexes hold in stores that cannot tell it themselves.

Rows name no project or document as foreign key: a vector may outlive both until it is removed.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base


class HeldChunk(Base):
    """A chunk that was written to an index, with its terms as unsigned 32-bit numbers.

    `mark` is a random number of the noting.
    """

    __tablename__ = "held_chunks"

    index_name: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    chunk_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    document_id: Mapped[str] = mapped_column(sa.String(36), index=True)
    project_id: Mapped[str] = mapped_column(sa.String(36), index=True)
    version: Mapped[int]
    terms: Mapped[bytes]
    mark: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")


class HeldProject(Base):
    """How many chunks of a project an index holds."""

    __tablename__ = "held_projects"

    index_name: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    project_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    chunks: Mapped[int] = mapped_column(sa.BigInteger)


class HeldTerm(Base):
    """How many chunks of a project in an index hold a term."""

    __tablename__ = "held_terms"
    # The key is nearly the whole row: kept once instead of twice.
    __table_args__ = ({"sqlite_with_rowid": False},)

    index_name: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    project_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    term: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    holding: Mapped[int] = mapped_column(sa.BigInteger)
