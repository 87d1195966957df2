"""pgvector: the index in the same PostgreSQL as everything else, for many processes at once."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

from pgvector import HalfVector, SparseVector

from ragline.errors import PermanentProviderError
from ragline.providers.contracts import Filter, IndexedChunk, LexicalVector, Match, Vectors
from ragline.providers.vectorstores import pgvector_counts as counts
from ragline.providers.vectorstores.pgvector_connections import open_index, translated
from ragline.providers.vectorstores.pgvector_filters import condition_of, document_of
from ragline.providers.vectorstores.pgvector_schema import LARGEST_TERM_INDEX, schema_of
from ragline.settings import Settings

# Above this share of the project's chunks a scan of all is faster than the index of terms.
BROAD_SHARE = 0.25

_UPSERT = """
INSERT INTO vector_chunks
    (chunk_id, project_id, document_id, version, dense, terms, lexical, metadata)
VALUES (%s::uuid, %s, %s, %s, %s, %s::bigint[], %s, %s::jsonb)
ON CONFLICT (chunk_id) DO UPDATE SET
    project_id = excluded.project_id, document_id = excluded.document_id,
    version = excluded.version, dense = excluded.dense, terms = excluded.terms,
    lexical = excluded.lexical, metadata = excluded.metadata
"""
_DENSE = """
SELECT chunk_id, document_id, -(dense <#> %(vector)s) FROM vector_chunks
WHERE project_id = %(project_id)s AND {condition}
ORDER BY dense <#> %(vector)s, chunk_id LIMIT %(limit)s
"""
_FREQUENCIES = """
SELECT key, chunks, holding FROM vector_terms JOIN vector_projects USING (project_id)
WHERE project_id = %(project_id)s AND key = ANY(%(keys)s::bigint[])
"""
_LEXICAL = """
SELECT chunk_id, document_id, -(lexical <#> %(vector)s) FROM vector_chunks
WHERE project_id = %(project_id)s AND lexical <#> %(vector)s < 0
    AND terms && %(keys)s::bigint[] AND {condition}
ORDER BY lexical <#> %(vector)s, chunk_id LIMIT %(limit)s
"""
_LEXICAL_BROAD = _LEXICAL.replace("AND terms && %(keys)s::bigint[]", "")
_SIMILARITIES = """
SELECT chunk_id, -(dense <#> %(vector)s) FROM vector_chunks
WHERE chunk_id = ANY(%(chunk_ids)s::uuid[]) AND project_id = %(project_id)s
"""
_REPLACED = """
SELECT project_id, terms FROM vector_chunks WHERE chunk_id = ANY(%(chunk_ids)s::uuid[])
"""
_PROJECTS = "SELECT DISTINCT project_id FROM vector_chunks WHERE document_id = %(document_id)s"
_DELETE = "DELETE FROM vector_chunks WHERE {condition} RETURNING project_id, terms"
_DELETE_PROJECT = "DELETE FROM vector_chunks WHERE project_id = %s"
_COUNT = "SELECT count(*) FROM vector_chunks WHERE {condition}"
_COUNT_PROJECTS = "SELECT coalesce(sum(chunks), 0) FROM vector_projects WHERE {condition}"
_CHUNK_IDS = "SELECT chunk_id, version FROM vector_chunks WHERE document_id = %(document_id)s"


class _Frequency(NamedTuple):
    """How many of a project's chunks hold a term, and how many there are."""

    term: int
    chunks: int
    holding: int


class PgVectorStore:
    """Keeps the index in a schema of its own in PostgreSQL; contract `VectorStore`.

    Safe for use from several threads and processes. Searches are exact scans of a project's
    vectors, held as 16-bit floats. A write is committed when its call returns.
    """

    shared: ClassVar[bool] = True

    def __init__(self, url: str, dimensions: int, *, collection: str | None = None) -> None:
        """Open the index in a database, or create it; `dimensions` is that of the embedder.

        Raises `ConfigurationError` where the database cannot hold it, or holds one of other
        dimensions, and `TemporaryProviderError` where there is no connection.
        """
        self._dimensions = dimensions
        self._engine = open_index(url, dimensions, schema_of(collection))
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @classmethod
    def open(cls, settings: Settings, dimensions: int, *, collection: str | None = None) -> Self:
        """Open the index in the database that the settings name."""
        return cls(settings.sqlalchemy_url, dimensions, collection=collection)

    def upsert(self, chunks: Sequence[IndexedChunk]) -> None:
        """Write chunks, replacing those with the same id; durable when it returns."""
        if not chunks:
            return
        self._check_dimensions(chunks)
        kept = {chunk.chunk_id: chunk for chunk in chunks}
        rows = [_row(chunk) for chunk in kept.values()]
        with translated(), self._engine.begin() as connection:
            counts.lock(connection, (chunk.project_id for chunk in chunks))
            replaced = connection.exec_driver_sql(_REPLACED, {"chunk_ids": list(kept)}).all()
            connection.exec_driver_sql(_UPSERT, [tuple(row) for row in rows])
            added = [(row.project_id, row.terms) for row in rows]
            counts.adjust(connection, added=added, removed=replaced)

    def search_dense(
        self, vector: Vectors, *, project_id: str, filter: Filter | None, limit: int
    ) -> list[Match]:
        """Return the chunks with the highest cosine (−1 to 1), best first."""
        asked = {"vector": HalfVector(vector), "project_id": project_id, "limit": limit}
        return self._matches(_DENSE, filter, asked)

    def search_lexical(
        self, vector: LexicalVector, *, project_id: str, filter: Filter | None, limit: int
    ) -> list[Match]:
        """Return the chunks with the highest BM25 score (> 0), best first.

        Document frequencies are those of the project.
        """
        frequencies = self._frequencies(vector, project_id)
        if not frequencies:
            return []
        chunks = frequencies[0].chunks
        given = dict(zip(vector.indices, vector.values, strict=True))
        weights = {each.term: given[each.term] * _idf(chunks, each.holding) for each in frequencies}
        is_broad = sum(each.holding for each in frequencies) > BROAD_SHARE * chunks
        asked = {
            "vector": _sparse(weights),
            "project_id": project_id,
            "keys": _keys(project_id, weights),
            "limit": limit,
        }
        return self._matches(_LEXICAL_BROAD if is_broad else _LEXICAL, filter, asked)

    def similarities(
        self, vector: Vectors, chunk_ids: Sequence[str], *, project_id: str
    ) -> dict[str, float]:
        """Return the cosine of each of these chunks of a project; unknown ids are left out."""
        if not chunk_ids:
            return {}
        asked = {
            "vector": HalfVector(vector),
            "chunk_ids": list(chunk_ids),
            "project_id": project_id,
        }
        return {str(chunk_id): score for chunk_id, score in self._read(_SIMILARITIES, asked)}

    def delete(
        self, *, document_id: str, version: int | None = None, before: int | None = None
    ) -> int:
        """Remove a document's chunks: all, those of a version, or of versions below one."""
        conditions = ["document_id = %(document_id)s"]
        if version is not None:
            conditions.append("version = %(version)s")
        if before is not None:
            conditions.append("version < %(before)s")
        among = " AND ".join(conditions)
        given = {"document_id": document_id, "version": version, "before": before}
        with translated(), self._engine.begin() as connection:
            projects = connection.exec_driver_sql(_PROJECTS, given).scalars().all()
            if not projects:
                return 0  # what comes from here on was written after the call
            counts.lock(connection, projects)
            removed = connection.exec_driver_sql(_DELETE.format(condition=among), given).all()
            counts.adjust(connection, added=(), removed=removed)
        return len(removed)

    def delete_project(self, project_id: str) -> int:
        """Remove all chunks of a project; return how many."""
        with translated(), self._engine.begin() as connection:
            counts.lock(connection, [project_id])
            removed = connection.exec_driver_sql(_DELETE_PROJECT, (project_id,)).rowcount
            counts.forget(connection, project_id)
        return removed

    def count(self, *, project_id: str | None = None, document_id: str | None = None) -> int:
        """Return the number of chunks held for a project, a document or in all."""
        wanted = {"project_id": project_id, "document_id": document_id}
        conditions = [f"{name} = %({name})s" for name, value in wanted.items() if value is not None]
        query = _COUNT if document_id is not None else _COUNT_PROJECTS
        query = query.format(condition=" AND ".join(conditions) or "TRUE")
        [(held,)] = self._read(query, wanted)
        return int(held)

    def chunk_ids(self, document_id: str) -> dict[str, int]:
        """Return the ids held for a document with their versions."""
        rows = self._read(_CHUNK_IDS, {"document_id": document_id})
        return {str(chunk_id): version for chunk_id, version in rows}

    def close(self) -> None:
        """Close the connections; closing twice is allowed."""
        self._engine.dispose()

    def _frequencies(self, vector: LexicalVector, project_id: str) -> list[_Frequency]:
        """Return those of the terms that the project holds."""
        if not vector.indices:
            return []
        terms = dict(zip(_keys(project_id, vector.indices), vector.indices, strict=True))
        rows = self._read(_FREQUENCIES, {"project_id": project_id, "keys": list(terms)})
        return [_Frequency(terms[key], chunks, held) for key, chunks, held in rows]

    def _matches(
        self, query: str, filter: Filter | None, asked: Mapping[str, object]
    ) -> list[Match]:
        parameters = dict(asked)
        query = query.format(condition=condition_of(filter, parameters))
        rows = self._read(query, parameters)
        return [Match(str(chunk_id), document_id, score) for chunk_id, document_id, score in rows]

    def _read(self, query: str, parameters: Mapping[str, object]) -> Sequence[Any]:
        """Run a query in a transaction of its own, which nobody needs to end."""
        with translated(), self._reading.connect() as connection:
            return connection.exec_driver_sql(query, dict(parameters)).all()

    def _check_dimensions(self, chunks: Sequence[IndexedChunk]) -> None:
        for chunk in chunks:
            if chunk.dense.shape != (self._dimensions,):
                raise PermanentProviderError(
                    f"The vector of chunk {chunk.chunk_id} has shape {chunk.dense.shape}, but the "
                    f"index holds {self._dimensions} dimensions. Embed the document again."
                )


class _Row(NamedTuple):
    """A chunk in the order of `_UPSERT`."""

    chunk_id: str
    project_id: str
    document_id: str
    version: int
    dense: HalfVector
    terms: list[int]
    lexical: SparseVector
    metadata: str


def _row(chunk: IndexedChunk) -> _Row:
    weights = dict(zip(chunk.lexical.indices, chunk.lexical.values, strict=True))
    return _Row(
        chunk_id=chunk.chunk_id,
        project_id=chunk.project_id,
        document_id=chunk.document_id,
        version=chunk.version,
        dense=HalfVector(chunk.dense),
        terms=_keys(chunk.project_id, weights),
        lexical=_sparse(weights),
        metadata=document_of(chunk.metadata),
    )


def _keys(project_id: str, terms: Iterable[int]) -> list[int]:
    """Return terms as the term index holds them: each project has entries of its own.

    Two projects may share the upper half by chance; queries ask for the project as well.
    """
    digest = hashlib.blake2b(project_id.encode(), digest_size=4).digest()
    upper = int.from_bytes(digest, "big", signed=True) << 32
    return [upper + term for term in terms]


def _sparse(weights: Mapping[int, float]) -> SparseVector:
    """Return weights by term, folded into the dimensions that a sparse vector may have.

    Terms are hashes already; that two of one chunk are folded into one is as unlikely as
    two words of one term.
    """
    folded: dict[int, float] = {}
    for term, weight in weights.items():
        index = term % LARGEST_TERM_INDEX
        folded[index] = folded.get(index, 0.0) + weight
    return SparseVector(folded, LARGEST_TERM_INDEX)


def _idf(chunks: int, holding: int) -> float:
    """Return the weight of a term that so many of all chunks hold (always above 0).

    Source: Robertson & Zaragoza, The Probabilistic Relevance Framework (2009), plus 1.
    """
    return math.log((chunks - holding + 0.5) / (holding + 0.5) + 1)
