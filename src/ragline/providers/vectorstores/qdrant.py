"""Qdrant: the index on a server that many processes share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import ClassVar, Self, TypeVar

import numpy as np
from qdrant_client import QdrantClient, models

from ragline.errors import ConfigurationError, PermanentProviderError
from ragline.providers.contracts import Filter, IndexedChunk, LexicalVector, Match, Vectors
from ragline.providers.vectorstores.metadata import stored
from ragline.providers.vectorstores.patience import Patience, batches
from ragline.providers.vectorstores.qdrant_collection import DENSE, LEXICAL, prepare
from ragline.providers.vectorstores.qdrant_errors import translated
from ragline.providers.vectorstores.qdrant_filters import (
    ROOT,
    equal,
    in_project,
    metadata_fields,
    schema_of,
)
from ragline.settings import Settings

PAGE = 1_000
MOST_INDEXED_FIELDS = 64

T = TypeVar("T")


class QdrantStore:
    """Keeps the index in a collection of a Qdrant server; contract `VectorStore`.

    Safe for use from several threads and processes. Projects are kept apart by a payload index
    for tenants. A write has been applied by the server when its call returns.
    """

    shared: ClassVar[bool] = True

    def __init__(
        self, client: QdrantClient, name: str, dimensions: int, *, settings: Settings
    ) -> None:
        """Open a collection, created first if there is none.

        Raises `ConfigurationError` where the server is too old, refuses the key, or holds a
        collection of other dimensions, and `TemporaryProviderError` where it does not answer.
        """
        self._client = client
        self._name = name
        self._dimensions = dimensions
        self._batch = settings.vector_batch
        self._patience = Patience.of(settings)
        self._dense_params = models.SearchParams(hnsw_ef=settings.qdrant_search_ef)
        self._indexed = self._ask(lambda: prepare(client, name, dimensions))

    @classmethod
    def open(cls, settings: Settings, dimensions: int, *, collection: str | None = None) -> Self:
        """Open the collection that the settings name; others bear its name in front."""
        key = settings.qdrant_api_key
        client = QdrantClient(
            url=settings.qdrant_url,
            # As a header, since the client warns of keys on plain HTTP, which a private
            # network may well be.
            headers={"api-key": key.get_secret_value()} if key else None,
            timeout=math.ceil(settings.vector_timeout_seconds),
            check_compatibility=False,  # `prepare` says what is too old
        )
        name = settings.qdrant_collection
        name = name if collection is None else f"{name}_{collection}"
        with ExitStack() as opened:
            opened.callback(client.close)
            try:
                store = cls(client, name, dimensions, settings=settings)
            except PermanentProviderError as error:
                raise ConfigurationError(error.message) from error
            opened.pop_all()
        return store

    def upsert(self, chunks: Sequence[IndexedChunk]) -> None:
        """Write chunks, replacing those with the same id; durable when it returns."""
        self._check_dimensions(chunks)
        self._index_fields(chunks)
        kept = list({chunk.chunk_id: chunk for chunk in chunks}.values())
        for batch in batches(kept, self._batch):
            points = [_point(chunk) for chunk in batch]
            self._ask(partial(self._client.upsert, self._name, points, wait=True))

    def search_dense(
        self, vector: Vectors, *, project_id: str, filter: Filter | None, limit: int
    ) -> list[Match]:
        """Return the chunks with the highest cosine (−1 to 1), best first."""
        among = in_project(project_id, filter)
        return self._search(vector.tolist(), DENSE, among, limit, self._dense_params)

    def search_lexical(
        self, vector: LexicalVector, *, project_id: str, filter: Filter | None, limit: int
    ) -> list[Match]:
        """Return the chunks with the highest BM25 score (> 0), best first.

        Document frequencies are those of the project, so that no project changes another's
        ranking.
        """
        if not vector.indices:
            return []
        corpus = models.IdfCorpusParams(corpus=in_project(project_id))
        among = in_project(project_id, filter)
        params = models.SearchParams(idf=corpus)
        found = self._search(_sparse(vector), LEXICAL, among, limit, params)
        return [match for match in found if match.score > 0]

    def similarities(
        self, vector: Vectors, chunk_ids: Sequence[str], *, project_id: str
    ) -> dict[str, float]:
        """Return the cosine of each of these chunks of a project; unknown ids are left out."""
        cosines: dict[str, float] = {}
        exact = models.SearchParams(exact=True)
        for ids in batches(chunk_ids, PAGE):
            among = models.Filter(
                must=[models.HasIdCondition(has_id=list(ids)), equal("project_id", project_id)]
            )
            found = self._search(vector.tolist(), DENSE, among, len(ids), exact)
            cosines |= {match.chunk_id: match.score for match in found}
        return cosines

    def delete(
        self, *, document_id: str, version: int | None = None, before: int | None = None
    ) -> int:
        """Remove a document's chunks: all, those of a version, or of versions below one."""
        among: list[models.Condition] = [equal("document_id", document_id)]
        if version is not None:
            among.append(equal("version", version))
        if before is not None:
            among.append(models.FieldCondition(key="version", range=models.Range(lt=before)))
        return self._delete(models.Filter(must=among))

    def delete_project(self, project_id: str) -> int:
        """Remove all chunks of a project; return how many."""
        return self._delete(in_project(project_id))

    def count(self, *, project_id: str | None = None, document_id: str | None = None) -> int:
        """Return the number of chunks held for a project, a document or in all."""
        wanted = {"project_id": project_id, "document_id": document_id}
        conditions: list[models.Condition] = [
            equal(key, value) for key, value in wanted.items() if value is not None
        ]
        return self._count(models.Filter(must=conditions) if conditions else None)

    def chunk_ids(self, document_id: str) -> dict[str, int]:
        """Return the ids held for a document with their versions."""
        among = models.Filter(must=[equal("document_id", document_id)])
        return {str(each.id): int((each.payload or {})["version"]) for each in self._scroll(among)}

    def close(self) -> None:
        """Close the connections; closing twice is allowed."""
        self._client.close()

    def _scroll(self, among: models.Filter) -> Iterator[models.Record]:
        offset: models.ExtendedPointId | None = None
        while True:
            records, offset = self._ask(
                partial(
                    self._client.scroll,
                    self._name,
                    among,
                    limit=PAGE,
                    offset=offset,
                    with_payload=["version"],
                )
            )
            yield from records
            if offset is None:
                return

    def _delete(self, among: models.Filter) -> int:
        """Remove points; what others add between count and removal is not counted."""
        held = self._count(among)
        if held:
            selector = models.FilterSelector(filter=among)
            self._ask(lambda: self._client.delete(self._name, selector, wait=True))
        return held

    def _count(self, among: models.Filter | None) -> int:
        return self._ask(
            lambda: self._client.count(self._name, count_filter=among, exact=True).count
        )

    def _search(
        self,
        query: list[float] | models.SparseVector,
        using: str,
        among: models.Filter,
        limit: int,
        params: models.SearchParams,
    ) -> list[Match]:
        found = self._ask(
            lambda: self._client.query_points(
                self._name,
                query=query,
                using=using,
                query_filter=among,
                search_params=params,
                limit=limit,
                with_payload=["document_id"],
            )
        )
        return [
            Match(str(point.id), str((point.payload or {})["document_id"]), point.score)
            for point in found.points
        ]

    def _index_fields(self, chunks: Sequence[IndexedChunk]) -> None:
        """Index the metadata fields that come for the first time, while there is room."""
        for chunk in chunks:
            for field in metadata_fields(chunk.metadata):
                if field not in self._indexed and len(self._indexed) < MOST_INDEXED_FIELDS:
                    self._ask(
                        partial(
                            self._client.create_payload_index,
                            self._name,
                            field,
                            field_schema=schema_of(field),
                            wait=True,
                        )
                    )
                    self._indexed.add(field)

    def _check_dimensions(self, chunks: Sequence[IndexedChunk]) -> None:
        for chunk in chunks:
            if chunk.dense.shape != (self._dimensions,):
                raise PermanentProviderError(
                    f"The vector of chunk {chunk.chunk_id} has shape {chunk.dense.shape}, but the "
                    f"index holds {self._dimensions} dimensions. Embed the document again."
                )

    def _ask(self, call: Callable[[], T]) -> T:
        """Call the server, again where it fails for a time."""

        def once() -> T:
            with translated():
                return call()

        return self._patience.call(once)


def _point(chunk: IndexedChunk) -> models.PointStruct:
    """Return a chunk as the server stores it."""
    dense = np.asarray(chunk.dense, dtype=np.float32).tolist()
    return models.PointStruct(
        id=chunk.chunk_id,
        vector={DENSE: dense, LEXICAL: _sparse(chunk.lexical)},
        payload={
            "project_id": chunk.project_id,
            "document_id": chunk.document_id,
            "version": chunk.version,
            ROOT: stored(chunk.metadata),
        },
    )


def _sparse(vector: LexicalVector) -> models.SparseVector:
    return models.SparseVector(indices=list(vector.indices), values=list(vector.values))
