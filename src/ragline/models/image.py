"""Product images: one picture of a product with its name and description."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Digest, Id, now


class ProductImage(Base):
    """A product of a project under its owner's id for it.

    `latest_version` is the last version whose building was started, `published_version` the one
    that search returns, or none.
    """

    __tablename__ = "product_images"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "product_id"),
        sa.Index("ix_product_images_listing", "project_id", "created_at", "id"),
    )

    id: Mapped[Id]
    tenant_id: Mapped[str] = mapped_column(sa.ForeignKey("tenants.id"))
    project_id: Mapped[str] = mapped_column(sa.ForeignKey("projects.id"))
    product_id: Mapped[str] = mapped_column(sa.String(200))
    latest_version: Mapped[int] = mapped_column(default=0)
    published_version: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class ProductImageVersion(Base):
    """What a product was at one time; its picture is in the file store under `content_hash`.

    `job_id` is the job that builds it. Width and height are those of the upright picture;
    `image_key` and `text_key` name its stored vectors.
    """

    __tablename__ = "product_image_versions"

    image_id: Mapped[str] = mapped_column(
        sa.ForeignKey("product_images.id", ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(sa.String(36), unique=True)
    name: Mapped[str] = mapped_column(sa.String(500))
    description: Mapped[str] = mapped_column(sa.Text)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata")
    content_hash: Mapped[Digest] = mapped_column(index=True)
    media_type: Mapped[str] = mapped_column(sa.String(100))
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    width: Mapped[int | None]
    height: Mapped[int | None]
    thumbnail_hash: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    language: Mapped[str | None] = mapped_column(sa.String(8))
    image_key: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    text_key: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)


class ImageCollection(Base):
    """A collection of the index that may hold vectors of products.

    Each model has one of its own, so that those of another one never count; what is deleted is
    removed from all of them.
    """

    __tablename__ = "image_collections"

    name: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    dimensions: Mapped[int]


class ImageEmbedding(Base):
    """A vector of a product's picture or words, under the hash of its exact inputs.

    32-bit floats, little-endian.
    """

    __tablename__ = "image_embeddings"

    key: Mapped[Digest] = mapped_column(primary_key=True)
    vector: Mapped[bytes] = mapped_column(sa.LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=now)
