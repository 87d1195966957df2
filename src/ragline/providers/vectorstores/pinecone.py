"""Pinecone: the index as a service that many processes share, with a namespace for each project."""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from typing import ClassVar, Self

from ragline.errors import ConfigurationError, PermanentProviderError
from ragline.providers.contracts import (
    Filter,
    HeldChunks,
    IndexedChunk,
    LexicalVector,
    Match,
    Vectors,
)
from ragline.providers.vectorstores.patience import batches
from ragline.providers.vectorstores.pinecone_calls import Calls, Json
from ragline.providers.vectorstores.pinecone_filters import FACTS, needs_check, words
from ragline.providers.vectorstores.pinecone_index import MOST_MATCHES, PineconeIndex, described
from ragline.providers.vectorstores.pinecone_records import (
    Place,
    dense_record,
    matches_of,
    place_of,
    rounded,
    words_record,
)
from ragline.providers.vectorstores.tokens import condition_of, holds
from ragline.providers.vectorstores.weights import weighed
from ragline.settings import Settings

IDS_AT_ONCE = 500
LONGEST_NAME = 38
"""45 letters are allowed, and the index of words has seven more."""


class PineconeStore:
    """Keeps the index at Pinecone; contract `VectorStore`.

    Safe for use from several threads and processes. Each project is a namespace. Vectors are in
    one index and words, weighed by the project's own frequencies, in another, which is made when
    the first words come. A write is shown by searches when its call returns.
    """

    shared: ClassVar[bool] = True
    needs_held: ClassVar[bool] = True

    def __init__(
        self, calls: Calls, name: str, dimensions: int, *, held: HeldChunks, settings: Settings
    ) -> None:
        """Open the indexes, created first if there are none.

        Raises `ConfigurationError` where the key is refused, or an index is of other dimensions,
        and `TemporaryProviderError` where Pinecone does not answer.
        """
        self._calls = calls
        self._held = held
        self._dimensions = dimensions
        self._dense = PineconeIndex(calls, name, dimensions=dimensions, settings=settings)
        self._words_name = f"{name}-words"
        self._settings = settings
        self._opened_words: PineconeIndex | None = None
        self._opening = threading.Lock()

    @classmethod
    def open(
        cls,
        settings: Settings,
        dimensions: int,
        *,
        collection: str | None = None,
        held: HeldChunks,
    ) -> Self:
        """Open the indexes that the settings name; others bear their name in front."""
        calls = Calls(settings)
        with ExitStack() as opened:
            opened.callback(calls.close)
            name = _name(settings.pinecone_index, collection)
            try:
                store = cls(calls, name, dimensions, held=held, settings=settings)
            except PermanentProviderError as error:
                raise ConfigurationError(error.message) from error
            opened.pop_all()
        return store

    def upsert(self, chunks: Sequence[IndexedChunk]) -> None:
        """Write chunks, replacing those with the same id; shown by searches when it returns."""
        self._check_dimensions(chunks)
        kept = {chunk.chunk_id: chunk for chunk in chunks}
        outdated = self._outdated(kept)
        by_project: dict[str, list[IndexedChunk]] = defaultdict(list)
        for chunk in kept.values():
            by_project[chunk.project_id].append(chunk)
        for project_id, its in by_project.items():
            self._dense.upsert(project_id, [dense_record(chunk) for chunk in its])
            if said := [words_record(chunk) for chunk in its if chunk.lexical.indices]:
                self._words.upsert(project_id, said)
        for project_id, (everywhere, words_only) in outdated.items():
            self._delete(project_id, everywhere)
            if words_only:
                self._words.delete(project_id, words_only)
        # A removal may have forgotten them while they were written.
        self._held.note(list(kept.values()))

    def search_dense(
        self, vector: Vectors, *, project_id: str, filter: Filter | None, limit: int
    ) -> list[Match]:
        """Return the chunks with the highest cosine (−1 to 1), best first."""
        return self._search(self._dense, {"vector": rounded(vector)}, project_id, filter, limit)

    def search_lexical(
        self, vector: LexicalVector, *, project_id: str, filter: Filter | None, limit: int
    ) -> list[Match]:
        """Return the chunks with the highest BM25 score (> 0), best first.

        Document frequencies are those of the project.
        """
        weights = weighed(vector, self._held.counts(project_id, vector.indices))
        if not weights:
            return []
        asked = {"indices": list(weights), "values": list(weights.values())}
        found = self._search(self._words, {"sparseVector": asked}, project_id, filter, limit)
        return [match for match in found if match.score > 0]

    def similarities(
        self, vector: Vectors, chunk_ids: Sequence[str], *, project_id: str
    ) -> dict[str, float]:
        """Return the cosine of each of these chunks of a project; unknown ids are left out."""
        cosines: dict[str, float] = {}
        for ids in batches(chunk_ids, IDS_AT_ONCE):
            found = self._dense.query(
                project_id,
                vector=rounded(vector),
                filter={"chunk_id": {"$in": list(ids)}},
                limit=len(ids),
            )
            cosines |= {Place.of(each["id"]).chunk_id: float(each["score"]) for each in found}
        return cosines

    def delete(
        self, *, document_id: str, version: int | None = None, before: int | None = None
    ) -> int:
        """Remove a document's chunks: all, those of a version, or of versions below one."""

        def goes(held: int) -> bool:
            return version in (None, held) and (before is None or held < before)

        noted = [each for each in self._held.of_document(document_id) if goes(each.version)]
        removed = 0
        for project_id in sorted({each.project_id for each in noted}):
            listed = self._dense.ids(project_id, f"{document_id}#")
            there = [each for each in listed if goes(Place.of(each).version)]
            removed += len(there)
            its = [each for each in noted if each.project_id == project_id]
            known = [Place(document_id, each.version, each.chunk_id).id for each in its]
            self._delete(project_id, sorted({*there, *known}))
        self._held.forget(noted)
        return removed

    def delete_project(self, project_id: str) -> int:
        """Remove all chunks of a project, with its namespace; return how many."""
        removed = self._dense.counts().get(project_id, 0)
        for index in self._indexes:
            index.drop(project_id)
        self._held.forget_project(project_id)
        return removed

    def count(self, *, project_id: str | None = None, document_id: str | None = None) -> int:
        """Return the number of chunks held for a project, a document or in all."""
        if document_id is not None:
            projects = {each.project_id for each in self._held.of_document(document_id)}
            wanted = projects if project_id is None else projects & {project_id}
            return sum(1 for each in wanted for _ in self._dense.ids(each, f"{document_id}#"))
        counts = self._dense.counts()
        return sum(counts.values()) if project_id is None else counts.get(project_id, 0)

    def chunk_ids(self, document_id: str) -> dict[str, int]:
        """Return the ids held for a document with their versions."""
        projects = {each.project_id for each in self._held.of_document(document_id)}
        places = (
            Place.of(each)
            for project_id in projects
            for each in self._dense.ids(project_id, f"{document_id}#")
        )
        return {place.chunk_id: place.version for place in places}

    def close(self) -> None:
        """Close the connections; closing twice is allowed."""
        self._calls.close()

    @property
    def _words(self) -> PineconeIndex:
        """The index of words, made at first need: better models' indexes have none."""
        with self._opening:
            if self._opened_words is None:
                self._opened_words = PineconeIndex(
                    self._calls, self._words_name, dimensions=None, settings=self._settings
                )
            return self._opened_words

    @property
    def _indexes(self) -> list[PineconeIndex]:
        """The indexes that there are; that of words may be another process's."""
        if self._opened_words is None and not described(
            self._calls, self._settings, self._words_name
        ):
            return [self._dense]
        return [self._dense, self._words]

    def _outdated(self, chunks: dict[str, IndexedChunk]) -> dict[str, tuple[list[str], list[str]]]:
        """Note chunks; return by project which records go, and which go from the words only.

        A chunk that comes to another document or version has another record there.
        """
        going: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
        for before in self._held.note(list(chunks.values())):
            now = chunks[before.chunk_id]
            place = Place(before.document_id, before.version, before.chunk_id)
            everywhere, words_only = going[before.project_id]
            if place != place_of(now) or before.project_id != now.project_id:
                everywhere.append(place.id)
            elif not now.lexical.indices:
                words_only.append(place.id)
        return going

    def _delete(self, project_id: str, ids: Sequence[str]) -> None:
        if ids:
            for index in self._indexes:
                index.delete(project_id, ids)

    def _search(
        self, index: PineconeIndex, asked: Json, project_id: str, filter: Filter | None, limit: int
    ) -> list[Match]:
        """Return the best matches; where more may come than should pass, they are checked here."""
        if filter is None:
            return matches_of(index.query(project_id, **asked, limit=limit))
        condition = condition_of(filter)
        asked = asked | {"filter": words(condition)}
        if not needs_check(condition):
            return matches_of(index.query(project_id, **asked, limit=limit))
        wanted = limit
        while True:
            found = index.query(project_id, **asked, limit=wanted, includeMetadata=True)
            passing = [each for each in found if holds(condition, each["metadata"][FACTS])]
            if len(passing) >= limit or len(found) < wanted or wanted >= MOST_MATCHES:
                return matches_of(passing)[:limit]
            wanted = min(MOST_MATCHES, 4 * wanted)

    def _check_dimensions(self, chunks: Sequence[IndexedChunk]) -> None:
        for chunk in chunks:
            if chunk.dense.shape != (self._dimensions,):
                raise PermanentProviderError(
                    f"The vector of chunk {chunk.chunk_id} has shape {chunk.dense.shape}, but the "
                    f"index holds {self._dimensions} dimensions. Embed the document again."
                )


def _name(index: str, collection: str | None) -> str:
    """Return the name of an index; names that would be too long end in a hash."""
    if collection is None:
        return index
    name = f"{index}-{collection.replace('_', '-')}"
    if len(name) <= LONGEST_NAME and "--" not in name and not name.endswith("-"):
        return name
    digest = hashlib.blake2b(collection.encode(), digest_size=3).hexdigest()
    return f"{index}-{digest}"
