"""Cached results of documents: which are kept for what, and which nobody needs any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from ragline.database import insert_missing
from ragline.models import (
    Chunk,
    ChunkVector,
    Document,
    Embedding,
    LeftResult,
    Page,
    PageText,
    TidiedText,
)

Keys = InstrumentedAttribute[str] | InstrumentedAttribute[str | None]
Kept = Embedding | PageText | TidiedText
_PART = 500


@dataclass(frozen=True, slots=True)
class Cache:
    """A table of results, and the rows of documents that name them."""

    table: type[Kept]
    rows: type[Chunk] | type[Page]
    named_by: Keys

    @property
    def name(self) -> str:
        """The name of the table."""
        return self.table.__tablename__


EMBEDDINGS = Cache(Embedding, Chunk, Chunk.embedding_key)
"""Those of a passage in further indexes are named by its `ChunkVector`s."""
CACHES = (
    EMBEDDINGS,
    Cache(PageText, Page, Page.text_key),
    Cache(TidiedText, Chunk, Chunk.cleaning_key),
)


def forget_versions(
    session: Session, document_id: str, which: sa.ColumnElement[bool], table: type[Chunk | Page]
) -> int:
    """Remove a document's passages or pages, and note what their versions had paid for.

    Returns how many there were.
    """
    mine = sa.and_(table.document_id == document_id, which)
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    for cache in CACHES:
        if cache.rows is not table:
            continue
        still = sa.select(cache.named_by).where(
            table.document_id == document_id, ~which, cache.named_by.is_not(None)
        )
        keys = (
            sa.select(sa.literal(document_id), sa.literal(cache.name), cache.named_by)
            .where(mine, cache.named_by.is_not(None), cache.named_by.not_in(still))
            .distinct()
        )
        columns = ["document_id", "cache", "key"]
        noting = dialect.insert(LeftResult).from_select(columns, keys)
        session.execute(noting.on_conflict_do_nothing())
        if cache is EMBEDDINGS:
            further = _further_keys(document_id, which)
            noting = dialect.insert(LeftResult).from_select(columns, further)
            session.execute(noting.on_conflict_do_nothing())
    gone = session.execute(sa.delete(table).where(mine))
    return int(gone.rowcount)  # type: ignore[attr-defined]  # a DELETE has a row count


def _further_keys(document_id: str, which: sa.ColumnElement[bool]) -> sa.Select[str, str, str]:
    """Ask for the embeddings in further indexes that only these versions of a document have."""
    of_document = (
        sa.select(ChunkVector.embedding_key)
        .join(Chunk, Chunk.id == ChunkVector.chunk_id)
        .where(Chunk.document_id == document_id)
    )
    return (
        sa.select(
            sa.literal(document_id),
            sa.literal(EMBEDDINGS.name),
            ChunkVector.embedding_key,
        )
        .join(Chunk, Chunk.id == ChunkVector.chunk_id)
        .where(
            Chunk.document_id == document_id,
            which,
            ChunkVector.embedding_key.not_in(of_document.where(~which).correlate(None)),
        )
        .distinct()
    )


def note_left(session: Session, document_id: str, table: type[Kept], keys: Iterable[str]) -> None:
    """Note results that a document paid for before any row of it names them.

    If its version never comes so far, the document's deletion still finds them.
    """
    rows = [{"document_id": document_id, "cache": table.__tablename__, "key": key} for key in keys]
    # It may have been deleted since; then the clean-up removes what a late step keeps.
    if rows and session.scalar(_HELD, {"of_document": document_id}) is not None:
        insert_missing(session, LeftResult, rows)


def keys_of(session: Session, document_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the keys of all results of documents, in order, by the table that has them."""
    found: dict[str, set[str]] = {cache.name: set() for cache in CACHES}
    left = sa.select(LeftResult.cache, LeftResult.key)
    for name, key in session.execute(left.where(LeftResult.document_id.in_(document_ids))):
        found.setdefault(name, set()).add(key)
    for cache in CACHES:
        named = sa.select(cache.named_by).where(
            cache.rows.document_id.in_(document_ids), cache.named_by.is_not(None)
        )
        found[cache.name].update(key for key in session.scalars(named) if key is not None)
    further = (
        sa.select(ChunkVector.embedding_key)
        .join(Chunk, Chunk.id == ChunkVector.chunk_id)
        .where(Chunk.document_id.in_(document_ids))
    )
    found[EMBEDDINGS.name].update(session.scalars(further))
    return {name: sorted(keys) for name, keys in found.items()}


def remove_unused(session: Session, cache: Cache, keys: Sequence[str]) -> int:
    """Remove the results under these keys that no document refers to; return how many."""
    removed = 0
    for part in _parts(keys):
        gone = session.execute(sa.delete(cache.table).where(_unused(cache, part)))
        removed += int(gone.rowcount)  # type: ignore[attr-defined]  # a DELETE has a row count
    return removed


def count_unused(session: Session, cache: Cache, keys: Sequence[str]) -> int:
    """Count the results under these keys that no document refers to."""
    counted = sa.select(sa.func.count()).select_from(cache.table)
    return sum(session.scalar(counted.where(_unused(cache, part))) or 0 for part in _parts(keys))


def _unused(cache: Cache, keys: Sequence[str]) -> sa.ColumnElement[bool]:
    named = sa.select(cache.named_by).where(cache.named_by.in_(keys))
    left = sa.select(LeftResult.key).where(LeftResult.cache == cache.name, LeftResult.key.in_(keys))
    key = cache.table.key
    unused = sa.and_(key.in_(keys), key.not_in(named), key.not_in(left))
    if cache is not EMBEDDINGS:
        return unused
    further = sa.select(ChunkVector.embedding_key).where(ChunkVector.embedding_key.in_(keys))
    return sa.and_(unused, key.not_in(further))


_HELD = (
    sa.select(Document.id)
    .where(Document.id == sa.bindparam("of_document"))
    .with_for_update(read=True, key_share=True)
)


def _parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _PART):
        yield keys[start : start + _PART]
