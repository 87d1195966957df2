"""Zotero: connected libraries, what is known of their items, and the notes written for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Id, now


class ZoteroLibrary(Base):
    """A library, `users/…` or `groups/…`, whose files are documents of a project.

    `version` is the library's own up to which all was taken; a sync moves it at its end.
    `collections` are keys: of items outside them nothing is taken; an empty list means all.
    `collection_paths` has the path of each collection by its key.
    """

    __tablename__ = "zotero_libraries"
    __table_args__ = (sa.UniqueConstraint("project_id", "library"),)

    id: Mapped[Id]
    tenant_id: Mapped[str] = mapped_column(sa.ForeignKey("tenants.id"), index=True)
    project_id: Mapped[str] = mapped_column(sa.ForeignKey("projects.id", ondelete="CASCADE"))
    library: Mapped[str] = mapped_column(sa.String(40))
    api_key: Mapped[str | None] = mapped_column(sa.String(200))
    collections: Mapped[list[Any]]
    collection_paths: Mapped[dict[str, Any]] = mapped_column(default=dict)
    prompt: Mapped[str | None] = mapped_column(sa.Text)
    version: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    job_id: Mapped[str | None] = mapped_column(sa.String(36))
    synced_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class ZoteroItem(Base):
    """An item or attachment as it was last read: how far a sync came with it is kept here.

    It is to be read while `read_version` is behind `wanted_version`. `data` is what the library
    says of it. `due` says that its file has to be taken, or its document to go. Of the file that
    was taken last, `md5` is the hash, `external_id` what its document is known by, and
    `document_id` that document, which is the library's where it is `owned`: others may have sent
    the same. `problem` says why it could not be taken;
    with `again` the next sync tries it once more.
    """

    __tablename__ = "zotero_items"
    __table_args__ = (
        sa.Index("ix_zotero_items_parent", "library_id", "parent_key"),
        sa.Index("ix_zotero_items_due", "library_id", "due"),
    )

    library_id: Mapped[str] = mapped_column(
        sa.ForeignKey("zotero_libraries.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    parent_key: Mapped[str | None] = mapped_column(sa.String(8))
    wanted_version: Mapped[int] = mapped_column(sa.BigInteger)
    read_version: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    data: Mapped[dict[str, Any] | None]
    due: Mapped[bool] = mapped_column(default=False)
    external_id: Mapped[str | None] = mapped_column(sa.String(500))
    document_id: Mapped[str | None] = mapped_column(sa.String(36))
    owned: Mapped[bool] = mapped_column(default=False)
    md5: Mapped[str | None] = mapped_column(sa.String(32))
    problem: Mapped[dict[str, Any] | None]
    again: Mapped[bool] = mapped_column(default=False)


class ZoteroNote(Base):
    """The reading note of an item, under a key of the library that was chosen beforehand.

    `written_from` and `pushed_from` are the hashes of all that decided the text at hand and the
    one in the library. The library held `pushed_version` of it, whose HTML has the hash
    `pushed_hash`: another one there is somebody's edit. `html` is kept until it is pushed.
    """

    __tablename__ = "zotero_notes"

    library_id: Mapped[str] = mapped_column(
        sa.ForeignKey("zotero_libraries.id", ondelete="CASCADE"), primary_key=True
    )
    item_key: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    note_key: Mapped[str] = mapped_column(sa.String(8))
    job_id: Mapped[str | None] = mapped_column(sa.String(36))
    status: Mapped[str] = mapped_column(sa.String(20))
    written_from: Mapped[str | None] = mapped_column(sa.String(64))
    html: Mapped[str | None] = mapped_column(sa.Text)
    usage: Mapped[dict[str, Any] | None]
    pushed_from: Mapped[str | None] = mapped_column(sa.String(64))
    pushed_version: Mapped[int | None] = mapped_column(sa.BigInteger)
    pushed_hash: Mapped[str | None] = mapped_column(sa.String(64))
    updated_at: Mapped[datetime] = mapped_column(default=now)
