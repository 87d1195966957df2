"""Calls about one project's objects in Weaviate, each tried again where it fails for a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import numpy as np
from weaviate.classes.data import DataObject
from weaviate.classes.query import Filter as Words
from weaviate.classes.query import MetadataQuery
from weaviate.collections import Collection
from weaviate.collections.classes.filters import FilterReturn

from ragline.errors import PermanentProviderError, TemporaryProviderError
from ragline.providers.contracts import IndexedChunk, Match, Vectors
from ragline.providers.vectorstores.patience import Patience
from ragline.providers.vectorstores.tokens import tokens_of
from ragline.providers.vectorstores.weaviate_collection import DENSE, PARTS
from ragline.providers.vectorstores.weaviate_errors import is_without_tenant, told, translated
from ragline.providers.vectorstores.weaviate_filters import all_of
from ragline.providers.vectorstores.weights import packed

MOST_OBJECTS = 10_000
"""The most that Weaviate returns for one query, unless it is told otherwise."""
OBJECTS_AIMED_AT = 4_000

T = TypeVar("T")


class Tenants:
    """The tenants of a collection; one that is not there has no objects."""

    def __init__(self, collection: Collection[Any, Any], patience: Patience) -> None:
        self._collection = collection
        self._patience = patience

    def insert(self, project_id: str, chunks: Sequence[IndexedChunk]) -> None:
        """Write chunks, replacing objects of the same ids."""
        objects = [_object(chunk) for chunk in chunks]
        tenant = self._tenant(project_id)

        def insert() -> None:
            result = tenant.data.insert_many(objects)
            for error in result.errors.values():
                raise told(error.message)

        self._patience.call(partial(_translated, insert))

    def remove(self, project_id: str, among: FilterReturn | None) -> int:
        """Remove objects until there are none, since one call has a limit; return how many."""
        assert among is not None, "whole tenants are removed otherwise"
        tenant, removed = self._tenant(project_id), 0

        def remove() -> tuple[int, int]:
            result = tenant.data.delete_many(where=among)
            if result.failed:
                raise TemporaryProviderError("Weaviate could not remove some objects for now.")
            return result.matches, result.successful

        while True:
            matches, successful = self._in_tenant(remove, (0, 0))
            removed += successful
            if not matches:
                return removed

    def near(
        self, vector: Vectors, project_id: str, among: FilterReturn | None, limit: int
    ) -> list[Match]:
        """Return the objects with the highest cosine, best first."""
        search = partial(
            self._tenant(project_id).query.near_vector,
            near_vector=vector.tolist(),
            target_vector=DENSE,
            filters=among,
            limit=limit,
            return_metadata=MetadataQuery(distance=True),
            return_properties=["document_id"],
        )
        return [
            Match(str(each.uuid), each.properties["document_id"], 1 - each.metadata.distance)
            for each in self._found(search)
        ]

    def objects(
        self,
        project_id: str,
        among: Sequence[FilterReturn],
        expected: int,
        properties: list[str],
    ) -> list[Any]:
        """Return all objects that meet the conditions, in as many pieces as their number needs."""
        tenant = self._tenant(project_id)
        found: list[Any] = []
        pieces = min(PARTS, 1 + expected // OBJECTS_AIMED_AT)
        for piece in range(pieces):
            conditions = list(among)
            if pieces > 1:
                parts = list(range(piece, PARTS, pieces))
                conditions.append(Words.by_property("part").contains_any(parts))
            fetch = partial(
                tenant.query.fetch_objects,
                filters=all_of(conditions),
                limit=MOST_OBJECTS,
                return_properties=properties,
            )
            found += self._found(fetch)
        return found

    def count(self, project_id: str, among: Sequence[FilterReturn] = ()) -> int:
        """Return how many objects meet the conditions."""
        count = partial(
            self._tenant(project_id).aggregate.over_all, filters=all_of(among), total_count=True
        )
        return self._in_tenant(lambda: count().total_count or 0, 0)

    def drop(self, project_id: str) -> None:
        """Remove a tenant with all of its objects; one that is not there is passed over."""
        self._in_tenant(partial(self._collection.tenants.remove, [project_id]), None)

    def _found(self, query: Callable[[], Any]) -> list[Any]:
        return self._in_tenant(lambda: list(query().objects), [])

    def _tenant(self, project_id: str) -> Collection[Any, Any]:
        return self._collection.with_tenant(project_id)

    def _in_tenant(self, call: Callable[[], T], nothing: T) -> T:
        """Call the server; return `nothing` where the project has no tenant."""
        try:
            return self._patience.call(partial(_translated, call))
        except PermanentProviderError as error:
            if is_without_tenant(error):
                return nothing
            raise


def _translated(call: Callable[[], T]) -> T:
    with translated():
        return call()


def _object(chunk: IndexedChunk) -> DataObject[dict[str, Any], None]:
    """Return a chunk as Weaviate stores it."""
    chunk_id = UUID(chunk.chunk_id)
    return DataObject(
        uuid=chunk_id,
        properties={
            "document_id": chunk.document_id,
            "version": chunk.version,
            "part": chunk_id.int % PARTS,
            "terms": list(chunk.lexical.indices),
            "lexical": packed(chunk.lexical),
            "facts": tokens_of(chunk.metadata),
        },
        vector={DENSE: np.asarray(chunk.dense, dtype=np.float32).tolist()},
    )
