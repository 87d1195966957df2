"""Weaviate: the index on a server that many processes share, with a tenant for each project."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import ClassVar, Self
from uuid import UUID

import weaviate
from weaviate.classes.config import ConsistencyLevel
from weaviate.classes.query import Filter as Words
from weaviate.collections.classes.filters import FilterReturn

from ragline.errors import ConfigurationError, PermanentProviderError
from ragline.providers.contracts import (
    Filter,
    HeldChunks,
    IndexedChunk,
    LexicalVector,
    Match,
    Vectors,
)
from ragline.providers.vectorstores.lexical_scan import Found, best
from ragline.providers.vectorstores.patience import Patience, batches
from ragline.providers.vectorstores.weaviate_collection import connect, prepare
from ragline.providers.vectorstores.weaviate_errors import translated
from ragline.providers.vectorstores.weaviate_filters import all_of, passing
from ragline.providers.vectorstores.weaviate_tenants import OBJECTS_AIMED_AT, Tenants
from ragline.providers.vectorstores.weights import weighed
from ragline.settings import Settings


class WeaviateStore:
    """Keeps the index in a collection in Weaviate; contract `VectorStore`.

    Safe for use from several threads and processes. Each project is a tenant. Weaviate has no
    sparse vectors: it finds the passages that hold a word, and they are scored here. A write is
    with a quorum of its replicas when its call returns.
    """

    shared: ClassVar[bool] = True
    needs_held: ClassVar[bool] = True

    def __init__(
        self,
        client: weaviate.WeaviateClient,
        name: str,
        dimensions: int,
        *,
        held: HeldChunks,
        settings: Settings,
    ) -> None:
        """Open a collection, created first if there is none.

        Raises `ConfigurationError` where the server is too old, refuses the key, or holds a
        collection of other dimensions, and `TemporaryProviderError` where it does not answer.
        """
        self._client = client
        self._held = held
        self._dimensions = dimensions
        self._batch = settings.vector_batch
        patience = Patience.of(settings)
        patience.call(partial(_prepared, client, name, dimensions))
        collection = client.collections.use(name)
        quorum = collection.with_consistency_level(ConsistencyLevel.QUORUM)
        self._tenants = Tenants(quorum, patience)

    @classmethod
    def open(
        cls,
        settings: Settings,
        dimensions: int,
        *,
        collection: str | None = None,
        held: HeldChunks,
    ) -> Self:
        """Open the collection that the settings name; others bear its name in front."""
        name = settings.weaviate_collection
        name = name if collection is None else f"{name}_{collection}"
        with ExitStack() as opened:
            try:
                client = Patience.of(settings).call(partial(_connected, settings))
                opened.callback(client.close)
                store = cls(client, name, dimensions, held=held, settings=settings)
            except PermanentProviderError as error:
                raise ConfigurationError(error.message) from error
            opened.pop_all()
        return store

    def upsert(self, chunks: Sequence[IndexedChunk]) -> None:
        """Write chunks, replacing those with the same id; durable when it returns."""
        self._check_dimensions(chunks)
        kept = list({chunk.chunk_id: chunk for chunk in chunks}.values())
        for batch in batches(kept, self._batch):
            projects = {chunk.chunk_id: chunk.project_id for chunk in batch}
            replaced = self._held.note(batch)
            by_project: dict[str, list[IndexedChunk]] = defaultdict(list)
            for chunk in batch:
                by_project[chunk.project_id].append(chunk)
            for project_id, its in by_project.items():
                self._tenants.insert(project_id, its)
            for before in replaced:
                if before.project_id != projects[before.chunk_id]:
                    self._tenants.remove(before.project_id, Words.by_id().equal(before.chunk_id))
            # A removal may have forgotten them while they were written.
            self._held.note(batch)

    def search_dense(
        self, vector: Vectors, *, project_id: str, filter: Filter | None, limit: int
    ) -> list[Match]:
        """Return the chunks with the highest cosine (−1 to 1), best first."""
        return self._tenants.near(
            vector, project_id, None if filter is None else passing(filter), limit
        )

    def search_lexical(
        self, vector: LexicalVector, *, project_id: str, filter: Filter | None, limit: int
    ) -> list[Match]:
        """Return the chunks with the highest BM25 score (> 0), best first.

        Document frequencies are those of the project.
        """
        counts = self._held.counts(project_id, vector.indices)
        weights = weighed(vector, counts)
        among = [] if filter is None else [passing(filter)]

        def find(terms: Sequence[int], without: Sequence[int]) -> list[Found]:
            conditions = [Words.by_property("terms").contains_any(list(terms)), *among]
            if without:
                conditions.append(Words.by_property("terms").contains_none(list(without)))
            expected = sum(counts.holding[term] for term in terms)
            objects = self._tenants.objects(
                project_id, conditions, expected, ["document_id", "lexical"]
            )
            return [
                Found(str(each.uuid), each.properties["document_id"], each.properties["lexical"])
                for each in objects
            ]

        return best(weights, counts, find, limit=limit)

    def similarities(
        self, vector: Vectors, chunk_ids: Sequence[str], *, project_id: str
    ) -> dict[str, float]:
        """Return the cosine of each of these chunks of a project; unknown ids are left out."""
        cosines: dict[str, float] = {}
        for ids in batches(chunk_ids, OBJECTS_AIMED_AT):
            among = Words.by_id().contains_any([UUID(each) for each in ids])
            found = self._tenants.near(vector, project_id, among, len(ids))
            cosines |= {match.chunk_id: match.score for match in found}
        return cosines

    def delete(
        self, *, document_id: str, version: int | None = None, before: int | None = None
    ) -> int:
        """Remove a document's chunks: all, those of a version, or of versions below one."""
        gone = [
            each
            for each in self._held.of_document(document_id)
            if version in (None, each.version) and (before is None or each.version < before)
        ]
        among = [Words.by_property("document_id").equal(document_id)]
        if version is not None:
            among.append(Words.by_property("version").equal(version))
        if before is not None:
            among.append(Words.by_property("version").less_than(before))
        projects = {each.project_id for each in gone}
        removed = sum(
            self._tenants.remove(project_id, all_of(among)) for project_id in sorted(projects)
        )
        self._held.forget(gone)
        return removed

    def delete_project(self, project_id: str) -> int:
        """Remove all chunks of a project, with its tenant; return how many."""
        held = self._tenants.count(project_id)
        self._tenants.drop(project_id)
        self._held.forget_project(project_id)
        return held

    def count(self, *, project_id: str | None = None, document_id: str | None = None) -> int:
        """Return the number of chunks held for a project, a document or in all."""
        projects = {project_id} if project_id is not None else None
        among: list[FilterReturn] = []
        if document_id is not None:
            among.append(Words.by_property("document_id").equal(document_id))
            its = {each.project_id for each in self._held.of_document(document_id)}
            projects = its if projects is None else projects & its
        if projects is None:
            projects = set(self._held.projects())
        return sum(self._tenants.count(each, among) for each in projects)

    def chunk_ids(self, document_id: str) -> dict[str, int]:
        """Return the ids held for a document with their versions."""
        noted = self._held.of_document(document_id)
        among = [Words.by_property("document_id").equal(document_id)]
        found: dict[str, int] = {}
        for project_id in {each.project_id for each in noted}:
            objects = self._tenants.objects(project_id, among, len(noted), ["version"])
            found |= {str(each.uuid): int(each.properties["version"]) for each in objects}
        return found

    def close(self) -> None:
        """Close the connections; closing twice is allowed."""
        self._client.close()

    def _check_dimensions(self, chunks: Sequence[IndexedChunk]) -> None:
        for chunk in chunks:
            if chunk.dense.shape != (self._dimensions,):
                raise PermanentProviderError(
                    f"The vector of chunk {chunk.chunk_id} has shape {chunk.dense.shape}, but the "
                    f"index holds {self._dimensions} dimensions. Embed the document again."
                )


def _prepared(client: weaviate.WeaviateClient, name: str, dimensions: int) -> None:
    with translated():
        prepare(client, name, dimensions)


def _connected(settings: Settings) -> weaviate.WeaviateClient:
    with translated():
        return connect(settings)
