"""Qdrant Edge: the engine of Qdrant inside this process, for one process at a time."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from qdrant_edge import (
    CountRequest,
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeSparseVectorParams,
    EdgeVectorParams,
    FieldCondition,
    HasIdCondition,
    IdfParams,
    KeywordIndexParams,
    MatchValue,
    Modifier,
    Point,
    Query,
    QueryRequest,
    RangeFloat,
    ScoredPoint,
    ScrollRequest,
    SearchParams,
    SparseVector,
    UpdateOperation,
    VectorStorageDatatype,
)
from qdrant_edge import Filter as EdgeFilter

from ragline.errors import ConfigurationError, PermanentProviderError, TemporaryProviderError
from ragline.providers.contracts import Filter, IndexedChunk, LexicalVector, Match, Vectors
from ragline.providers.vectorstores.group_flush import GroupFlush
from ragline.providers.vectorstores.metadata import stored
from ragline.providers.vectorstores.qdrant_edge_filters import (
    ROOT,
    Conditions,
    condition_of,
    metadata_fields,
    schema_of,
)
from ragline.settings import Settings

DENSE = "dense"
LEXICAL = "lexical"
PAGE = 1_000
# Filtering on a field without index reads every payload of the project: 200 ms for 100,000
# chunks, 55 ms with. Each index takes memory, so the rare fields of a crowd have none.
MOST_INDEXED_FIELDS = 32
FLUSH_PAUSE_SECONDS = 0.1


class QdrantEdgeStore:
    """Keeps the index in one directory, which only one process may open; contract `VectorStore`.

    Safe for use from several threads. Searches are exact scans of a project's vectors, held
    as 16-bit floats. A write is on disk when its call returns. The engine's optimizer is never
    run, since it would stop the whole process for its duration.
    """

    shared: ClassVar[bool] = False

    def __init__(self, path: Path, dimensions: int) -> None:
        """Open the index in `path`, or create it; `dimensions` is that of the embedder.

        Raises `ConfigurationError` where another process has it open, or where it was built
        with other dimensions.
        """
        self._path = path
        self._dimensions = dimensions
        self._writing = threading.Lock()
        self._shard = _open(path, dimensions)
        self._flushes = GroupFlush(self._shard.flush, pause=FLUSH_PAUSE_SECONDS)
        self._indexed = set(self._shard.info().payload_schema)

    @classmethod
    def open(cls, settings: Settings, dimensions: int, *, collection: str | None = None) -> Self:
        """Open the index in the data directory; a collection has a folder beside it."""
        folder = settings.index_dir
        return cls(
            folder if collection is None else folder.with_name(f"{folder.name}-{collection}"),
            dimensions,
        )

    def upsert(self, chunks: Sequence[IndexedChunk]) -> None:
        """Write chunks, replacing those with the same id; durable when it returns."""
        if chunks:
            self._check_dimensions(chunks)
            self._index_fields(chunks)
            self._write(UpdateOperation.upsert_points([_point(chunk) for chunk in chunks]))

    def search_dense(
        self, vector: Vectors, *, project_id: str, filter: Filter | None, limit: int
    ) -> list[Match]:
        """Return the chunks with the highest cosine (−1 to 1), best first."""
        query = Query.Nearest(vector.tolist(), using=DENSE)
        return self._search(query, _in_project(project_id, filter), limit)

    def search_lexical(
        self, vector: LexicalVector, *, project_id: str, filter: Filter | None, limit: int
    ) -> list[Match]:
        """Return the chunks with the highest BM25 score (> 0), best first.

        Document frequencies are those of the project, so that no project changes another's
        ranking.
        """
        if not vector.indices:
            return []
        query = Query.Nearest(_sparse(vector), using=LEXICAL)
        frequencies = SearchParams(idf=IdfParams(_in_project(project_id, None)))
        found = self._search(query, _in_project(project_id, filter), limit, frequencies)
        return [match for match in found if match.score > 0]

    def similarities(self, vector: Vectors, chunk_ids: Sequence[str]) -> dict[str, float]:
        """Return the cosine of each of these chunks; unknown ids are left out."""
        if not chunk_ids:
            return {}
        among = EdgeFilter(must=[HasIdCondition(set(chunk_ids))])
        query = Query.Nearest(vector.tolist(), using=DENSE)
        found = self._search(query, among, len(chunk_ids))
        return {match.chunk_id: match.score for match in found}

    def delete(
        self, *, document_id: str, version: int | None = None, before: int | None = None
    ) -> int:
        """Remove a document's chunks: all, those of a version, or of versions below one."""
        among: Conditions = [_equal("document_id", document_id)]
        if version is not None:
            among.append(_equal("version", version))
        if before is not None:
            among.append(FieldCondition("version", range=RangeFloat(lt=before)))
        return self._delete(EdgeFilter(must=among))

    def delete_project(self, project_id: str) -> int:
        """Remove all chunks of a project; return how many."""
        return self._delete(_in_project(project_id, None))

    def count(self, *, project_id: str | None = None, document_id: str | None = None) -> int:
        """Return the number of chunks held for a project, a document or in all."""
        wanted = {"project_id": project_id, "document_id": document_id}
        conditions: Conditions = [
            _equal(key, value) for key, value in wanted.items() if value is not None
        ]
        return self._count(EdgeFilter(must=conditions))

    def chunk_ids(self, document_id: str) -> dict[str, int]:
        """Return the ids held for a document with their versions."""
        among = EdgeFilter(must=[_equal("document_id", document_id)])
        versions: dict[str, int] = {}
        offset = None
        while True:
            request = ScrollRequest(
                offset=offset, limit=PAGE, filter=among, with_payload=["version"]
            )
            with _translated():
                records, offset = self._shard.scroll(request)
            versions |= {
                str(record.id): int((record.payload or {})["version"]) for record in records
            }
            if offset is None:
                return versions

    def close(self) -> None:
        """Release the directory; closing twice is allowed."""
        with self._writing, _translated():
            self._shard.close()

    def _write(self, operation: UpdateOperation) -> None:
        """Apply an operation and have it on disk, together with those of other threads."""
        with self._writing, _translated():
            self._shard.update(operation)
            write = self._flushes.note_write()
        with _translated():
            self._flushes.wait(write)

    def _delete(self, among: EdgeFilter) -> int:
        """Remove points; what other threads add between count and removal is not counted."""
        held = self._count(among)
        if held:
            self._write(UpdateOperation.delete_points_by_filter(among))
        return held

    def _count(self, among: EdgeFilter) -> int:
        with _translated():
            return self._shard.count(CountRequest(filter=among, exact=True))

    def _search(
        self, query: Query, among: EdgeFilter, limit: int, params: SearchParams | None = None
    ) -> list[Match]:
        request = QueryRequest(
            limit=limit, query=query, filter=among, params=params, with_payload=["document_id"]
        )
        with _translated():
            return [_match(point) for point in self._shard.query(request)]

    def _index_fields(self, chunks: Sequence[IndexedChunk]) -> None:
        """Index the metadata fields that come for the first time, while there is room."""
        for chunk in chunks:
            for field in metadata_fields(chunk.metadata):
                if field not in self._indexed and len(self._indexed) < MOST_INDEXED_FIELDS:
                    self._write(UpdateOperation.create_field_index(field, schema_of(field)))
                    self._indexed.add(field)

    def _check_dimensions(self, chunks: Sequence[IndexedChunk]) -> None:
        for chunk in chunks:
            if chunk.dense.shape != (self._dimensions,):
                raise PermanentProviderError(
                    f"The vector of chunk {chunk.chunk_id} has shape {chunk.dense.shape}, but the "
                    f"index holds {self._dimensions} dimensions. Embed the document again."
                )


def _open(path: Path, dimensions: int) -> EdgeShard:
    """Open a shard, created first if there is none."""
    if not any(path.glob("segments/*")):
        _create(path, dimensions)
    try:
        return EdgeShard.load(str(path), _config(dimensions))
    except Exception as error:
        raise _opening_failed(path, dimensions, error) from error


def _create(path: Path, dimensions: int) -> None:
    """Create a shard beside `path` and move it there whole, so that a crash leaves no half one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        shard = EdgeShard.create(str(draft), _config(dimensions))
        for field, is_tenant in (("project_id", True), ("document_id", False)):
            params = KeywordIndexParams(is_tenant=is_tenant)
            shard.update(UpdateOperation.create_field_index(field, params))
        shard.flush()
        shard.close()
        with suppress(FileNotFoundError):
            _clear_leftovers(path)
        with suppress(OSError):  # another process was faster: its shard is opened instead
            draft.rename(path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _clear_leftovers(path: Path) -> None:
    """Remove what an interrupted creation left; nothing was ever stored without a segment."""
    for folder in ("segments", "wal"):
        shutil.rmtree(path / folder, ignore_errors=True)
    (path / "edge_config.json").unlink(missing_ok=True)


def _config(dimensions: int) -> EdgeConfig:
    """Return how a shard is laid out.

    16-bit floats halve memory and search time; they change a cosine by less than 0.001.
    """
    dense = EdgeVectorParams(
        size=dimensions, distance=Distance.Cosine, datatype=VectorStorageDatatype.Float16
    )
    lexical = EdgeSparseVectorParams(modifier=Modifier.Idf)
    return EdgeConfig(vectors={DENSE: dense}, sparse_vectors={LEXICAL: lexical})


def _opening_failed(path: Path, dimensions: int, error: Exception) -> ConfigurationError:
    """Return the error that tells why an index does not open, and what helps."""
    if "WouldBlock" in str(error):
        return ConfigurationError(
            f"The index in {path} is open in another process. Stop that process, or give this "
            "one its own RAGLINE_DATA_DIR; several processes need another RAGLINE_VECTOR_STORE."
        )
    if "expected vector size" in str(error):
        return ConfigurationError(
            f"The index in {path} was built by an embedder of other than {dimensions} dimensions. "
            "Set RAGLINE_EMBEDDER back, or upload the documents into another RAGLINE_DATA_DIR."
        )
    return ConfigurationError(
        f"The index in {path} cannot be opened: {error}. Move the folder away and start again: "
        "it is then built anew from the database."
    )


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the engine's errors, which have no type of their own, into ours."""
    try:
        yield
    except ValueError as error:
        raise PermanentProviderError(f"The index does not take this: {error}.") from error
    except Exception as error:
        raise TemporaryProviderError(
            f"The index could not be read or written: {error}. Check the disk of the data "
            "directory; the job will be tried again."
        ) from error


def _point(chunk: IndexedChunk) -> Point:
    """Return a chunk as the engine stores it."""
    payload = {
        "project_id": chunk.project_id,
        "document_id": chunk.document_id,
        "version": chunk.version,
        ROOT: stored(chunk.metadata),
    }
    dense = np.asarray(chunk.dense, dtype=np.float32).tolist()
    return Point(chunk.chunk_id, {DENSE: dense, LEXICAL: _sparse(chunk.lexical)}, payload)


def _sparse(vector: LexicalVector) -> SparseVector:
    return SparseVector(list(vector.indices), list(vector.values))


def _match(point: ScoredPoint) -> Match:
    return Match(str(point.id), str((point.payload or {})["document_id"]), point.score)


def _equal(key: str, value: str | int) -> FieldCondition:
    return FieldCondition(key, match=MatchValue(value))


def _in_project(project_id: str, filter: Filter | None) -> EdgeFilter:
    """Return the condition of belonging to a project and passing a filter."""
    conditions: Conditions = [_equal("project_id", project_id)]
    if filter is not None:
        conditions.append(condition_of(filter))
    return EdgeFilter(must=conditions)
