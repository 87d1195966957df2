"""Passages as an index takes them: which it lacks, and what is written of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.indexes.texts import indexed_text, passage_key
from ragline.language.lexical import LexicalVector, lexical_vector_of_passage
from ragline.models import Chunk, ChunkVector, Document
from ragline.providers.contracts import IndexedChunk, Vectors
from ragline.references.citing import search_words

_NO_WORDS = LexicalVector((), ())

Place = tuple[str, int]
"""A passage's document and number: the order in which indexes are filled."""
FIRST: Place = ("", -1)


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk with what an index needs of its document; `text` is its `indexed_text`."""

    chunk_id: str
    document_id: str
    project_id: str
    tenant_id: str
    version: int
    ordinal: int
    text: str
    language: str | None
    metadata: Mapping[str, Any]

    @property
    def place(self) -> Place:
        """Where it comes in the order of filling."""
        return self.document_id, self.ordinal

    def key(self, embedder_name: str) -> str:
        """Return the key of its embedding by a model."""
        return passage_key(self.tenant_id, embedder_name, self.text)

    def point(self, vector: Vectors, *, with_words: bool) -> IndexedChunk:
        """Return what an index holds of it."""
        words = _NO_WORDS
        if with_words:
            beside = search_words(self.metadata)
            words = lexical_vector_of_passage(self.text, self.language, beside=beside)
        return IndexedChunk(
            chunk_id=self.chunk_id,
            document_id=self.document_id,
            project_id=self.project_id,
            version=self.version,
            dense=vector,
            lexical=words,
            metadata=self.metadata,
        )


def lacking(
    session: Session, project_id: str, index_id: str, *, after: Place = FIRST, limit: int
) -> list[Passage]:
    """Return published passages that an index, not the project's own, lacks, in order."""
    document_id, ordinal = after
    values = {
        "of_project": project_id,
        "of_index": index_id,
        "after_document": document_id,
        "after_ordinal": ordinal,
        "most": limit,
    }
    return _passages(session.execute(_LACKING, values))


def of_version(
    session: Session,
    document_id: str,
    version: int,
    *,
    after: int = -1,
    limit: int,
    about: tuple[str, Mapping[str, Any]] | None = None,
) -> list[Passage]:
    """Return passages of a version, in order.

    `about` is its title and metadata, where they are not (yet) those of the document's row.
    """
    values = {
        "of_document": document_id,
        "of_version": version,
        "after_ordinal": after,
        "most": limit,
    }
    return _passages(session.execute(_OF_VERSION, values), about)


def _passages(
    rows: Iterable[Any], about: tuple[str, Mapping[str, Any]] | None = None
) -> list[Passage]:
    found = []
    for chunk, project_id, tenant_id, title, metadata in rows:
        title, metadata = about or (title, metadata)
        found.append(
            Passage(
                chunk_id=chunk.id,
                document_id=chunk.document_id,
                project_id=project_id,
                tenant_id=tenant_id,
                version=chunk.version,
                ordinal=chunk.ordinal,
                text=indexed_text(title, chunk.heading, chunk.text),
                language=chunk.language,
                metadata=metadata,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of a project's published passages an index has."""

    chunks: int
    of: int

    @property
    def is_complete(self) -> bool:
        """Whether it lacks none."""
        return self.chunks >= self.of


def coverage(session: Session, project_id: str, index_id: str) -> Coverage:
    """Count what an index, not the project's own, has of its published passages."""
    values = {"of_project": project_id, "of_index": index_id}
    return Coverage(*session.execute(_COVERAGE, values).one())


def still_there(session: Session, passages: Sequence[Passage]) -> set[str]:
    """Return those of the chunks, by id, that are there; they stay until the transaction ends."""
    return set(session.scalars(_THERE, {"chunk_ids": [each.chunk_id for each in passages]}))


_COLUMNS = (
    sa.select(Chunk, Document.project_id, Document.tenant_id, Document.title, Document.metadata_)
    .join(Document, Document.id == Chunk.document_id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_held = sa.and_(
    ChunkVector.chunk_id == Chunk.id,
    ChunkVector.index_id == sa.bindparam("of_index"),
    ChunkVector.indexed,
)
_LACKING = (
    _COLUMNS.outerjoin(ChunkVector, _held)
    .where(
        Document.project_id == sa.bindparam("of_project"),
        Chunk.version == Document.published_version,
        ChunkVector.chunk_id.is_(None),
        sa.tuple_(Chunk.document_id, Chunk.ordinal)
        > sa.tuple_(
            sa.bindparam("after_document", type_=sa.String),
            sa.bindparam("after_ordinal", type_=sa.Integer),
        ),
    )
    .order_by(Chunk.document_id, Chunk.ordinal)
)
_OF_VERSION = _COLUMNS.where(
    Chunk.document_id == sa.bindparam("of_document"),
    Chunk.version == sa.bindparam("of_version"),
    Chunk.ordinal > sa.bindparam("after_ordinal"),
).order_by(Chunk.ordinal)
_COVERAGE = (
    sa.select(sa.func.count(ChunkVector.chunk_id), sa.func.count())
    .select_from(Chunk)
    .join(Document, Document.id == Chunk.document_id)
    .outerjoin(ChunkVector, _held)
    .where(
        Document.project_id == sa.bindparam("of_project"),
        Chunk.version == Document.published_version,
    )
)
_THERE = (
    sa.select(Chunk.id)
    .where(Chunk.id.in_(sa.bindparam("chunk_ids", expanding=True)))
    .order_by(Chunk.id)
    .with_for_update(read=True, key_share=True, of=Chunk)
)
