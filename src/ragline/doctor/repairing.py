"""Repairing what differs between passages and vectors; each repair is safe to run twice."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.compute.pool import Owner
from ragline.database import insert_missing
from ragline.doctor.differences import Difference
from ragline.doctor.vectors import FLOAT_BYTES, unknown_vectors
from ragline.indexes.embedding import embed_group, groups, paid_embedding
from ragline.indexes.opening import Index, open_index
from ragline.indexes.passages import Passage, of_version
from ragline.indexes.putting import Work, put, stored_vectors
from ragline.ingestion.index import index_chunks
from ragline.jobs import service as jobs
from ragline.jobs.costs import note_paid
from ragline.jobs.turnstile import turnstile_of
from ragline.models import Chunk, ChunkVector, Document, Embedding, Job, Project

AT_ONCE = 256


def work_of(runtime: Runtime, job_id: str) -> Work:
    """Return for whom the present step of a job embeds."""
    workflow_id = runtime.engine.workflow_id()
    with runtime.database.read() as session:
        tenant_id = session.get_one(Job, job_id).tenant_id

    def fence(session: Session) -> None:
        jobs.open_job(session, job_id, workflow_id)

    turnstile = turnstile_of(runtime, job_id, workflow_id)
    return Work(job_id, Owner(workflow_id, tenant_id), turnstile, fence)


def repair_document(runtime: Runtime, difference: Difference, work: Work) -> int:
    """Have an index hold a document's published passages, and only those; return how many differed.

    Stored vectors that do not fit are embedded again. A document that is gone is left alone.
    """
    if difference.document_id is None:
        return _rewrite_project(runtime, difference, work)
    with runtime.database.read() as session:
        document = session.get(Document, difference.document_id)
        project = session.get(Project, document.project_id) if document else None
    if document is None or project is None or document.published_version is None:
        return 0
    index = open_index(runtime, difference.index)
    is_main = open_index(runtime, project.index_id).id == index.id
    version = document.published_version
    if difference.kind == "stray-vectors" and difference.version == version:
        index.store.delete(document_id=document.id, version=version)
    _write_version(runtime, index, document.id, version, work, is_main=is_main)
    return difference.count


def _rewrite_project(runtime: Runtime, difference: Difference, work: Work) -> int:
    """Empty an index of a project and write its published passages again."""
    project_id, index = str(difference.project_id), open_index(runtime, difference.index)
    count = unknown_vectors(runtime, project_id, index)
    if not count:
        return 0
    with runtime.database.read() as session:
        project = session.get_one(Project, project_id)
        documents = session.execute(_PUBLISHED, {"of_project": project_id}).all()
    is_main = open_index(runtime, project.index_id).id == index.id
    index.store.delete_project(project_id)
    for document_id, version in documents:
        assert version is not None, "the query asks for published documents"
        _write_version(runtime, index, document_id, version, work, is_main=is_main)
    return count


def _write_version(
    runtime: Runtime, index: Index, document_id: str, version: int, work: Work, *, is_main: bool
) -> None:
    _forget_misfits(runtime, index, document_id, version, is_main=is_main)
    after = -1
    while passages := _next(runtime, document_id, version, after):
        after = passages[-1].ordinal
        if is_main:
            _embed_missing(runtime, index, passages, work)
        else:
            put(runtime, index, _named(runtime, index, passages), work)
    if is_main:
        index_chunks(runtime, document_id, version)


def _forget_misfits(
    runtime: Runtime, index: Index, document_id: str, version: int, *, is_main: bool
) -> None:
    """Remove stored vectors of a wrong length, which a repair embeds again."""
    named = {"of_document": document_id, "of_version": version, "of_index": index.id}
    query = _OWN_KEYS if is_main else _OTHER_KEYS
    misfits = sa.func.length(Embedding.vector) != FLOAT_BYTES * index.dimensions
    if is_main:
        named.pop("of_index")
    with runtime.database.write() as session:
        session.execute(
            sa.delete(Embedding)
            .where(Embedding.key.in_(query), misfits)
            .execution_options(synchronize_session=False),
            named,
        )


def _named(runtime: Runtime, index: Index, passages: Sequence[Passage]) -> list[Passage]:
    """Return the passages that the index should hold: what it was given once."""
    ids = [each.chunk_id for each in passages]
    with runtime.database.read() as session:
        query = sa.select(ChunkVector.chunk_id).where(
            ChunkVector.index_id == index.id, ChunkVector.chunk_id.in_(ids)
        )
        there = set(session.scalars(query))
    return [each for each in passages if each.chunk_id in there]


def _embed_missing(runtime: Runtime, index: Index, passages: Sequence[Passage], work: Work) -> None:
    """Store the vectors that are missing of a project's own model."""
    keys = {each.chunk_id: each.key(index.embedder_name) for each in passages}
    known = stored_vectors(runtime, set(keys.values()))
    missing = {
        keys[each.chunk_id]: each.text for each in passages if keys[each.chunk_id] not in known
    }
    waiting = list(missing.items())
    texts = [text for _, text in waiting]
    for part in groups(runtime, index.embedder, texts):
        made = embed_group(runtime, index.spec, texts[part], work.turnstile, owner=work.owner)
        for one in made:
            rows = [
                {
                    "key": waiting[part.start + place][0],
                    "vector": vector.astype("<f4").tobytes(),
                }
                for place, vector in zip(one.places, one.vectors, strict=True)
            ]
            with runtime.database.write() as session:
                insert_missing(session, Embedding, rows)
                if one.paid is not None:
                    provider = index.embedder.provider
                    paid = paid_embedding(runtime, work.job_id, provider, one.paid)
                    note_paid(session, work.job_id, [paid])


def _next(runtime: Runtime, document_id: str, version: int, after: int) -> list[Passage]:
    with runtime.database.read() as session:
        return of_version(session, document_id, version, after=after, limit=AT_ONCE)


_of_version = sa.and_(
    Chunk.document_id == sa.bindparam("of_document"), Chunk.version == sa.bindparam("of_version")
)
_OWN_KEYS = sa.select(Chunk.embedding_key).where(_of_version)
_OTHER_KEYS = (
    sa.select(ChunkVector.embedding_key)
    .join(Chunk, Chunk.id == ChunkVector.chunk_id)
    .where(_of_version, ChunkVector.index_id == sa.bindparam("of_index"))
)
_PUBLISHED = sa.select(Document.id, Document.published_version).where(
    Document.project_id == sa.bindparam("of_project"), Document.published_version.is_not(None)
)
