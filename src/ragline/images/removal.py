"""Removing versions of products with what only they use: stored files and vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.ingestion.files import remove_file
from ragline.models import ImageEmbedding, ProductImageVersion

AT_ONCE = 500


@dataclass
class Left:
    """What removed versions referred to: files by their hashes; and how much else is gone."""

    files: set[str] = field(default_factory=set)
    versions: int = 0
    embeddings: int = 0


def remove_versions(session: Session, versions: Sequence[ProductImageVersion]) -> Left:
    """Remove versions, and the stored vectors that no other one refers to."""
    left = Left(versions=len(versions))
    stored: set[str] = set()
    for version in versions:
        left.files |= {each for each in (version.content_hash, version.thumbnail_hash) if each}
        stored |= {each for each in (version.image_key, version.text_key) if each}
        session.delete(version)
    session.flush()
    ordered = sorted(stored)
    for start in range(0, len(ordered), AT_ONCE):
        left.embeddings += _remove_unused(session, ordered[start : start + AT_ONCE])
    return left


def remove_left(runtime: Runtime, left: Left) -> int:
    """Remove files that nothing refers to any more; return how many these were."""
    return sum(remove_file(runtime, content_hash) for content_hash in sorted(left.files))


def _remove_unused(session: Session, keys: Sequence[str]) -> int:
    # Locked first: whoever refers to one meanwhile waits, and then finds it gone.
    session.execute(
        sa.select(ImageEmbedding.key)
        .where(ImageEmbedding.key.in_(keys))
        .order_by(ImageEmbedding.key)
        .with_for_update()
    )
    used = [
        sa.exists().where(column == ImageEmbedding.key)
        for column in (ProductImageVersion.image_key, ProductImageVersion.text_key)
    ]
    gone = session.execute(
        sa.delete(ImageEmbedding)
        .where(ImageEmbedding.key.in_(keys), ~sa.or_(*used))
        .execution_options(synchronize_session=False)
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]  # a DELETE has a row count
