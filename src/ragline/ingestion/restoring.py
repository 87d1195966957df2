"""What was published back into indexes that lack it, as where their files were lost."""

from __future__ import annotations

import sqlalchemy as sa
import structlog

from ragline.bootstrap import Runtime
from ragline.indexes.opening import Index, every_index
from ragline.indexes.putting import put_version
from ragline.indexes.recording import record_projects
from ragline.ingestion.index import index_chunks
from ragline.models import Chunk, ChunkVector, Document, Project

log = structlog.get_logger()


def restore(runtime: Runtime) -> int:
    """Index published versions that an index lacks; return how many documents these were.

    An interrupted restoration is taken up by the next one: each document is looked at where an
    index holds less in all than was published.
    """
    record_projects(runtime)
    return sum(_restore(runtime, index) for index in every_index(runtime))


def _restore(runtime: Runtime, index: Index) -> int:
    with runtime.database.read() as session:
        own = session.execute(_OWN, {"of_index": index.id}).all()
        further = session.execute(_FURTHER, {"of_index": index.id}).all()
    expected = sum(count for _, _, count in (*own, *further))
    if not expected or index.store.count() >= expected:
        return 0
    restored = 0
    for document_id, version, count in own:
        if index.store.count(document_id=document_id) < count:
            index_chunks(runtime, document_id, version)
            restored += 1
    for document_id, version, count in further:
        if index.store.count(document_id=document_id) < count:
            _forget(runtime, index, document_id)
            put_version(runtime, index, document_id, version)
            restored += 1
    log.warning("index.restored", documents=restored, embedder=index.spec, store=index.store_name)
    return restored


def _forget(runtime: Runtime, index: Index, document_id: str) -> None:
    """Note that an index has none of a document's vectors: what is not stored is made again."""
    with runtime.database.write() as session:
        session.execute(_LACKS, {"of_index": index.id, "of_document": document_id})
        session.execute(_TO_FILL, {"of_document": document_id})


_published = sa.and_(Document.id == Chunk.document_id, Document.published_version == Chunk.version)
_OWN = (
    sa.select(Document.id, Chunk.version, sa.func.count())
    .join(Chunk, _published)
    .join(Project, Project.id == Document.project_id)
    .where(Project.index_id == sa.bindparam("of_index"))
    .group_by(Document.id, Chunk.version)
    .order_by(Document.id)
)
_FURTHER = (
    sa.select(Document.id, Chunk.version, sa.func.count())
    .join(Chunk, _published)
    .join(ChunkVector, ChunkVector.chunk_id == Chunk.id)
    .where(ChunkVector.index_id == sa.bindparam("of_index"), ChunkVector.indexed)
    .group_by(Document.id, Chunk.version)
    .order_by(Document.id)
)
_LACKS = (
    sa.update(ChunkVector)
    .where(
        ChunkVector.index_id == sa.bindparam("of_index"),
        ChunkVector.chunk_id.in_(
            sa.select(Chunk.id).where(Chunk.document_id == sa.bindparam("of_document"))
        ),
    )
    .values(indexed=False)
    .execution_options(synchronize_session=False)
)
_TO_FILL = (
    sa.update(Project)
    .where(
        Project.id
        == sa.select(Document.project_id)
        .where(Document.id == sa.bindparam("of_document"))
        .scalar_subquery()
    )
    .values(filled_version=None)
    .execution_options(synchronize_session=False)
)
