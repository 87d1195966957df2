"""Qdrant Edge: the engine of Qdrant inside this process, for one process at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Self
from uuid import UUID

import numpy as np
from qdrant_edge import (
    CountRequest,
    FieldCondition,
    HasIdCondition,
    Point,
    QuantizationSearchParams,
    Query,
    QueryRequest,
    RangeFloat,
    Record,
    ScoredPoint,
    ScrollRequest,
    SearchParams,
    SparseVector,
    UpdateOperation,
)
from qdrant_edge import Filter as EdgeFilter

from ragline.errors import PermanentProviderError
from ragline.providers.contracts import Filter, IndexedChunk, LexicalVector, Match, Vectors
from ragline.providers.vectorstores.metadata import stored
from ragline.providers.vectorstores.qdrant_edge_filters import (
    ROOT,
    Conditions,
    equal,
    metadata_fields,
    schema_of,
)
from ragline.providers.vectorstores.qdrant_edge_index import Growth
from ragline.providers.vectorstores.qdrant_edge_live import LiveShard
from ragline.providers.vectorstores.qdrant_edge_scope import Scope, in_project
from ragline.providers.vectorstores.qdrant_edge_shard import DENSE, LEXICAL
from ragline.providers.vectorstores.qdrant_edge_shards import GrowingShard, ProjectShards
from ragline.settings import Settings

PAGE = 1_000
# Filtering on a field without index reads every payload of the project: 200 ms for 100,000
# chunks, 55 ms with. Each index takes memory, so the rare fields of a crowd have none.
MOST_INDEXED_FIELDS = 32
NEVER = Growth(chunks=0, share=0)

PointId = int | UUID | str

# The best by 4 bits are scored again with the vectors themselves; four times as many as asked for,
# since one in ten of them would else be a wrong one.
_NEAR = SearchParams(quantization=QuantizationSearchParams(rescore=True, oversampling=4.0))
_EXACT = SearchParams(exact=True, quantization=QuantizationSearchParams(ignore=True))


class QdrantEdgeStore:
    """Keeps the index in one directory, which only one process may open; contract `VectorStore`.

    Safe for use from several threads. A write is on disk when its call returns. Searches are
    scans of a project's vectors in 4 bits a dimension; the best are scored with 16-bit floats.
    Over a shard with many of them a child process builds an index, with the same results.
    """

    shared: ClassVar[bool] = False

    def __init__(self, path: Path, dimensions: int, *, growth: Growth = NEVER) -> None:
        """Open the index in `path`, or create it; `dimensions` is that of the embedder.

        Raises `ConfigurationError` where another process has it open, or where it was built
        with other dimensions.
        """
        self._dimensions = dimensions
        self._shards = ProjectShards(path, dimensions, growth)

    @classmethod
    def open(cls, settings: Settings, dimensions: int, *, collection: str | None = None) -> Self:
        """Open the index in the data directory; a collection has a folder beside it."""
        folder = settings.index_dir
        return cls(
            folder if collection is None else folder.with_name(f"{folder.name}-{collection}"),
            dimensions,
            growth=Growth(settings.edge_index_from, settings.edge_index_growth),
        )

    def upsert(self, chunks: Sequence[IndexedChunk]) -> None:
        """Write chunks, replacing those with the same id; durable when it returns."""
        self._check_dimensions(chunks)
        by_shard: dict[GrowingShard, list[IndexedChunk]] = {}
        for chunk in chunks:
            by_shard.setdefault(self._shards.home(chunk.project_id), []).append(chunk)
        for shard, own in by_shard.items():
            _index_fields(shard.live, own)
            shard.upsert([_point(chunk) for chunk in own])

    def search_dense(
        self, vector: Vectors, *, project_id: str, filter: Filter | None, limit: int
    ) -> list[Match]:
        """Return the chunks with the highest cosine (−1 to 1), best first."""
        query = Query.Nearest(vector.tolist(), using=DENSE)
        return self._search(query, project_id, filter, limit, _NEAR)

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
        found = self._search(query, project_id, filter, limit)
        return [match for match in found if match.score > 0]

    def similarities(
        self, vector: Vectors, chunk_ids: Sequence[str], *, project_id: str
    ) -> dict[str, float]:
        """Return the cosine of each of these chunks of a project; unknown ids are left out."""
        if not chunk_ids:
            return {}
        among = EdgeFilter(must=[HasIdCondition(set(chunk_ids)), equal("project_id", project_id)])
        # No payload: reading it takes a third as long as the rest.
        request = QueryRequest(
            limit=len(chunk_ids),
            query=Query.Nearest(vector.tolist(), using=DENSE),
            filter=among,
            params=_EXACT,
        )
        return {
            str(point.id): point.score
            for each in self._holding(project_id)
            for point in each.live.read(lambda shard: shard.query(request))
        }

    def delete(
        self, *, document_id: str, version: int | None = None, before: int | None = None
    ) -> int:
        """Remove a document's chunks: all, those of a version, or of versions below one."""
        among: Conditions = [equal("document_id", document_id)]
        if version is not None:
            among.append(equal("version", version))
        if before is not None:
            among.append(FieldCondition("version", range=RangeFloat(lt=before)))
        return _deleted(self._shards, EdgeFilter(must=among))

    def delete_project(self, project_id: str) -> int:
        """Remove all chunks of a project; return how many."""
        return _deleted(self._holding(project_id), in_project(project_id))

    def count(self, *, project_id: str | None = None, document_id: str | None = None) -> int:
        """Return the number of chunks held for a project, a document or in all."""
        wanted = {"project_id": project_id, "document_id": document_id}
        conditions: Conditions = [
            equal(key, value) for key, value in wanted.items() if value is not None
        ]
        holding = self._shards if project_id is None else self._holding(project_id)
        return sum(_count(each, EdgeFilter(must=conditions)) for each in holding)

    def chunk_ids(self, document_id: str) -> dict[str, int]:
        """Return the ids held for a document with their versions."""
        among = EdgeFilter(must=[equal("document_id", document_id)])
        return {
            str(record.id): int((record.payload or {})["version"])
            for each in self._shards
            for record in _records(each.live, among)
        }

    def close(self) -> None:
        """Release the directory; closing twice is allowed."""
        self._shards.close()

    @property
    def is_building(self) -> bool:
        """Whether an index is being built."""
        return any(each.building.is_under_way for each in self._shards)

    def wait_for_index(self) -> None:
        """Return when no index is being built, for measurements and tests."""
        for each in self._shards:
            each.building.wait()

    def _holding(self, project_id: str) -> list[GrowingShard]:
        """Return the shard that holds a project, as a list that may be empty."""
        shard = self._shards.holding(project_id)
        return [] if shard is None else [shard]

    def _search(
        self,
        query: Query,
        project_id: str,
        filter: Filter | None,
        limit: int,
        params: SearchParams | None = None,
    ) -> list[Match]:
        """Search with these parameters, or with those that the shard gives for terms."""
        holding = self._shards.holding(project_id)
        if holding is None:
            return []
        live = holding.live
        scope = Scope(project_id, filter, live.projects, live.place.built_over)

        def request(among: EdgeFilter | None, terms: SearchParams) -> QueryRequest:
            return QueryRequest(
                limit=limit,
                query=query,
                filter=among,
                params=params or terms,
                with_payload=["document_id"],
            )

        found = live.read(lambda shard: scope.query(shard, request))
        return [_match(point) for point in found]

    def _check_dimensions(self, chunks: Sequence[IndexedChunk]) -> None:
        for chunk in chunks:
            if chunk.dense.shape != (self._dimensions,):
                raise PermanentProviderError(
                    f"The vector of chunk {chunk.chunk_id} has shape {chunk.dense.shape}, but the "
                    f"index holds {self._dimensions} dimensions. Embed the document again."
                )


def _index_fields(live: LiveShard, chunks: Sequence[IndexedChunk]) -> None:
    """Index the metadata fields that come for the first time, while there is room."""
    for chunk in chunks:
        for field in metadata_fields(chunk.metadata):
            if field not in live.fields and len(live.fields) < MOST_INDEXED_FIELDS:
                operation = UpdateOperation.create_field_index(field, schema_of(field))
                live.index_field(field, operation)


def _deleted(shards: Iterable[GrowingShard], among: EdgeFilter) -> int:
    """Remove points; return how many, without what others add between count and removal."""
    removed = 0
    for shard in shards:
        held = _count(shard, among)
        if held:
            shard.remove(among, held)
        removed += held
    return removed


def _count(holding: GrowingShard, among: EdgeFilter) -> int:
    request = CountRequest(filter=among, exact=True)
    return holding.live.read(lambda shard: shard.count(request))


def _records(live: LiveShard, among: EdgeFilter) -> Iterator[Record]:
    """Yield the ids and versions of points."""
    records, offset = _page(live, among, None)
    yield from records
    while offset is not None:
        records, offset = _page(live, among, offset)
        yield from records


def _page(
    live: LiveShard, among: EdgeFilter, offset: PointId | None
) -> tuple[list[Record], PointId | None]:
    request = ScrollRequest(offset=offset, limit=PAGE, filter=among, with_payload=["version"])
    return live.read(lambda shard: shard.scroll(request))


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
