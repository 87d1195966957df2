"""Passages into an index that is not their project's own, so that each is embedded once.

The embedding is stored first, with a row that names it; then the vector goes into the index;
then the row says so. Whatever was interrupted is gone on with from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.compute.pool import Owner
from ragline.database import insert_missing
from ragline.failpoints import failpoint
from ragline.indexes.embedding import embed_group, groups, paid_embedding
from ragline.indexes.opening import Index
from ragline.indexes.passages import Passage, of_version, still_there
from ragline.jobs.costs import note_paid
from ragline.jobs.turnstile import Turnstile
from ragline.models import ChunkVector, Document, Embedding
from ragline.providers.contracts import Vectors

VERSION_GROUP = 256
_KEYS_AT_ONCE = 500
Vector = Mapping[str, Vectors]
"""Vectors by the keys of their embeddings."""


@dataclass(frozen=True, slots=True)
class Work:
    """For whom passages are embedded: the job that pays, and how its calls wait.

    `fence` raises where the attempt may not write any more.
    """

    job_id: str
    owner: Owner
    turnstile: Turnstile
    fence: Callable[[Session], None]


def put(runtime: Runtime, index: Index, passages: Sequence[Passage], work: Work) -> int:
    """Have an index hold passages; embed those that no stored vector covers; return how many.

    A passage that is gone meanwhile has no vector in the index when this returns. A second run
    embeds nothing again.
    """
    if runtime.owns_data_dir:
        index.warm()  # this process answers questions too
    keys = {each.chunk_id: each.key(index.embedder.name) for each in passages}
    vectors = stored_vectors(runtime, set(keys.values()))
    _name(runtime, index, [each for each in passages if keys[each.chunk_id] in vectors], keys, work)
    missing = {keys[each.chunk_id]: each for each in passages if keys[each.chunk_id] not in vectors}
    vectors |= _embedded(runtime, index, missing, passages, keys, work)
    return _write(runtime, index, passages, keys, vectors, work.fence)


def put_known(runtime: Runtime, index: Index, passages: Sequence[Passage]) -> int:
    """Have an index hold those passages whose embeddings are stored; return how many these are."""
    keys = {each.chunk_id: each.key(index.embedder.name) for each in passages}
    vectors = stored_vectors(runtime, set(keys.values()))
    known = [each for each in passages if keys[each.chunk_id] in vectors]
    if not known:
        return 0
    _insert_named(runtime, index, known, keys)
    return _write(runtime, index, known, keys, vectors, lambda _session: None)


def put_version(
    runtime: Runtime,
    index: Index,
    document_id: str,
    version: int,
    about: tuple[str, Mapping[str, Any]] | None = None,
) -> int:
    """Have an index hold the passages of a version whose embeddings are stored; return how many.

    `about` is its title and metadata, where they are not (yet) those of the document's row.
    """
    total, after = 0, -1
    while passages := _some_of(runtime, document_id, version, after, about):
        total += put_known(runtime, index, passages)
        after = passages[-1].ordinal
    return total


def _some_of(
    runtime: Runtime,
    document_id: str,
    version: int,
    after: int,
    about: tuple[str, Mapping[str, Any]] | None,
) -> list[Passage]:
    with runtime.database.read() as session:
        return of_version(
            session, document_id, version, after=after, limit=VERSION_GROUP, about=about
        )


def stored_vectors(runtime: Runtime, keys: set[str]) -> dict[str, Vectors]:
    """Return the vectors that are stored under these keys."""
    found: dict[str, Vectors] = {}
    wanted = sorted(keys)
    with runtime.database.read() as session:
        for start in range(0, len(wanted), _KEYS_AT_ONCE):
            part = wanted[start : start + _KEYS_AT_ONCE]
            for key, vector in session.execute(_STORED, {"keys": part}):
                found[key] = np.frombuffer(vector, dtype="<f4")
    return found


def _embedded(
    runtime: Runtime,
    index: Index,
    missing: Mapping[str, Passage],
    passages: Sequence[Passage],
    keys: Mapping[str, str],
    work: Work,
) -> dict[str, Vectors]:
    """Embed texts in small groups, each stored before the next is begun."""
    waiting, found = list(missing.items()), dict[str, Vectors]()
    texts = [passage.text for _, passage in waiting]
    for part in _small_groups(runtime, index, texts):
        made = embed_group(
            runtime,
            index.spec,
            texts[part],
            work.turnstile,
            owner=work.owner,
            check=lambda: _check(runtime, work),
        )
        for one in made:
            batch = {
                waiting[part.start + place][0]: vector
                for place, vector in zip(one.places, one.vectors, strict=True)
            }
            named = [each for each in passages if keys[each.chunk_id] in batch]
            paid = []
            if one.paid is not None:
                provider = index.embedder.provider
                paid = [paid_embedding(runtime, work.job_id, provider, one.paid)]
            runtime.engine.patiently(_store, runtime, index, named, keys, batch, paid, work)
            failpoint("indexes.embedded")
            _check(runtime, work)
            found |= batch
    return found


def _small_groups(runtime: Runtime, index: Index, texts: Sequence[str]) -> list[slice]:
    """Divide texts so that no child is held for long."""
    most = runtime.settings.better_batch
    if index.embedder.provider is not None:
        return groups(runtime, index.embedder, texts)
    return [slice(start, start + most) for start in range(0, len(texts), most)]


def _store(
    runtime: Runtime,
    index: Index,
    named: Sequence[Passage],
    keys: Mapping[str, str],
    batch: Vector,
    paid: list[dict[str, Any]],
    work: Work,
) -> None:
    """Keep vectors with what they cost, also where the job has ended meanwhile."""
    rows = [{"key": key, "vector": each.astype("<f4").tobytes()} for key, each in batch.items()]
    with runtime.database.write() as session:
        insert_missing(session, Embedding, rows)
        note_paid(session, work.job_id, paid)
        _name_in(session, index, named, keys)


def _name(
    runtime: Runtime,
    index: Index,
    passages: Sequence[Passage],
    keys: Mapping[str, str],
    work: Work,
) -> None:
    """Name stored embeddings before they are used, so that no clean-up takes them away."""
    if passages:
        _check(runtime, work)
        _insert_named(runtime, index, passages, keys)


def _insert_named(
    runtime: Runtime, index: Index, passages: Sequence[Passage], keys: Mapping[str, str]
) -> None:
    with runtime.database.write() as session:
        _name_in(session, index, passages, keys)


def _name_in(
    session: Session, index: Index, passages: Sequence[Passage], keys: Mapping[str, str]
) -> None:
    there = still_there(session, passages)
    rows = [
        {
            "chunk_id": each.chunk_id,
            "index_id": index.id,
            "embedding_key": keys[each.chunk_id],
            "indexed": False,
        }
        for each in passages
        if each.chunk_id in there
    ]
    insert_missing(session, ChunkVector, rows)


def _write(
    runtime: Runtime,
    index: Index,
    passages: Sequence[Passage],
    keys: Mapping[str, str],
    vectors: Vector,
    fence: Callable[[Session], None],
) -> int:
    """Write vectors into the index, then note that they are there."""
    index.store.upsert(
        [each.point(vectors[keys[each.chunk_id]], with_words=index.with_words) for each in passages]
    )
    failpoint("indexes.written")
    try:
        with runtime.database.write() as session:
            fence(session)
            there = still_there(session, passages)
            rows = [
                {"of_key": keys[chunk_id], "of_chunk": chunk_id, "of_index": index.id}
                for chunk_id in sorted(there)
            ]
            if rows:
                session.connection().execute(_INDEXED, rows)
    finally:
        take_back(runtime, index, passages)
    failpoint("indexes.noted")
    return len(there)


def _as_described_now(runtime: Runtime, passages: Sequence[Passage]) -> list[Passage]:
    """Return passages with the metadata of now: while they were embedded these may have changed."""
    ids = sorted({each.document_id for each in passages})
    with runtime.database.read() as session:
        now = {
            (row.id, row.published_version): row.metadata
            for row in session.execute(_DESCRIBED, {"ids": ids})
        }
    return [
        replace(each, metadata=now.get((each.document_id, each.version), each.metadata))
        for each in passages
    ]


def take_back(runtime: Runtime, index: Index, passages: Sequence[Passage]) -> None:
    """Remove the vectors of versions that are gone since; nobody else would come across them."""
    versions = {(each.document_id, each.version) for each in passages}
    with runtime.database.read() as session:
        there = still_there(session, passages)
        known = set(session.scalars(_DOCUMENTS, {"ids": sorted({each for each, _ in versions})}))
    kept = {(each.document_id, each.version) for each in passages if each.chunk_id in there}
    for document_id, version in sorted(versions - kept):
        if document_id in known:
            index.store.delete(document_id=document_id, version=version)
        else:
            index.store.delete(document_id=document_id)


def _check(runtime: Runtime, work: Work) -> None:
    """End the work where the process is to end, or the job is not to go on."""
    runtime.engine.pause(0)
    with runtime.database.read() as session:
        work.fence(session)


_STORED = sa.select(Embedding.key, Embedding.vector).where(
    Embedding.key.in_(sa.bindparam("keys", expanding=True))
)
_rows = sa.table(
    ChunkVector.__tablename__,
    *(sa.column(name) for name in ("chunk_id", "index_id", "embedding_key", "indexed")),
)
_INDEXED = (
    sa.update(_rows)
    .where(
        _rows.c.chunk_id == sa.bindparam("of_chunk"), _rows.c.index_id == sa.bindparam("of_index")
    )
    .values(indexed=sa.true(), embedding_key=sa.bindparam("of_key"))
)
_DESCRIBED = sa.select(
    Document.id, Document.published_version, Document.metadata_.label("metadata")
).where(Document.id.in_(sa.bindparam("ids", expanding=True)))
_DOCUMENTS = sa.select(Document.id).where(Document.id.in_(sa.bindparam("ids", expanding=True)))
