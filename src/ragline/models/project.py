"""Projects: collections of documents that are searched together."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Id, now


class Project(Base):
    """A named collection of documents of one tenant; once `deleted_at` is set, nobody sees it.

    `languages` are those of the documents that were ever published here (None: unsure), so
    that a search need not look at all of them. `content_version` rises with each change of what
    a search can find here. `clean` says whether a model repairs its passages, None for the
    default; `clean_prompt` is what that model is told instead of the default.

    `index_id` is the index it is searched in; None, in rows of earlier releases, is the
    deployment's. `better_index_id` has the vectors of a better model beside those, and
    `filled_version` is the content version up to which they were looked after.
    `filling_index_id` is to become the first, `previous_index_id` was that before, until
    `previous_since`.
    """

    __tablename__ = "projects"
    __table_args__ = (sa.UniqueConstraint("tenant_id", "name"),)

    id: Mapped[Id]
    tenant_id: Mapped[str] = mapped_column(sa.ForeignKey("tenants.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    description: Mapped[str | None] = mapped_column(sa.Text)
    language: Mapped[str | None] = mapped_column(sa.String(8))
    languages: Mapped[list[Any]] = mapped_column(default=list)
    content_version: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0")
    clean: Mapped[bool | None]
    clean_prompt: Mapped[str | None] = mapped_column(sa.Text)
    index_id: Mapped[str | None] = mapped_column(sa.ForeignKey("vector_indexes.id"))
    better_index_id: Mapped[str | None] = mapped_column(sa.ForeignKey("vector_indexes.id"))
    filled_version: Mapped[int | None] = mapped_column(sa.BigInteger)
    filling_index_id: Mapped[str | None] = mapped_column(sa.ForeignKey("vector_indexes.id"))
    previous_index_id: Mapped[str | None] = mapped_column(sa.ForeignKey("vector_indexes.id"))
    previous_since: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    deleted_at: Mapped[datetime | None]
