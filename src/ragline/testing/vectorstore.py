"""What every vector store must do: inherit `VectorStoreConformance` and give it a store.

class TestMyStore(VectorStoreConformance):
    @pytest.fixture
    def store(self, tmp_path):
        store = MyStore(...)
        yield store
        store.close()

    def open_again(self, store):  # where `MyStore.shared` is true
        return MyStore(...)
"""

from __future__ import annotations

import unittest
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np

from ragline.providers.contracts import VectorStore
from ragline.testing.vectorstore_filters import FilterConformance
from ragline.testing.vectorstore_lexical import SEVEN, LexicalConformance, assert_scores, idf
from ragline.testing.vectorstore_samples import (
    DIMENSIONS,
    DOCUMENT,
    LARGEST_TERM,
    OTHER_DOCUMENT,
    OTHER_PROJECT,
    PROJECT,
    TOLERANCE,
    chunk,
    chunk_id,
    is_,
    vector,
)

__all__ = [
    "DIMENSIONS",
    "DOCUMENT",
    "LARGEST_TERM",
    "OTHER_DOCUMENT",
    "OTHER_PROJECT",
    "PROJECT",
    "TOLERANCE",
    "VectorStoreConformance",
    "chunk",
    "chunk_id",
    "is_",
    "vector",
]


class VectorStoreConformance(FilterConformance, LexicalConformance):
    """Tests of the contract `VectorStore`; the fixture `store` is empty and of 8 dimensions."""

    def open_again(self, store: VectorStore) -> VectorStore:
        """Open the index of `store` once more, as another process would."""
        raise NotImplementedError("A shared store tells its suite how it is opened again.")

    def test_dense_search_ranks_by_cosine(self, store: VectorStore) -> None:
        """The nearest direction comes first, with its cosine as score."""
        store.upsert(
            [chunk(1, dense=vector(1, 1)), chunk(2, dense=vector(1)), chunk(3, dense=vector(-1))]
        )

        matches = store.search_dense(vector(1), project_id=PROJECT, filter=None, limit=3)

        assert [chunk_id(2), chunk_id(1), chunk_id(3)] == [match.chunk_id for match in matches]
        expected = [1.0, 0.5**0.5, -1.0]
        assert np.allclose(expected, [match.score for match in matches], atol=TOLERANCE)
        assert {DOCUMENT} == {match.document_id for match in matches}

    def test_search_stays_in_its_project(self, store: VectorStore) -> None:
        """Another project's chunks are never found."""
        store.upsert([chunk(1), chunk(2, project_id=OTHER_PROJECT, document_id=OTHER_DOCUMENT)])

        assert {1} == self.found(store)

    def test_the_limit_is_kept(self, store: VectorStore) -> None:
        """No more than `limit` chunks come back."""
        store.upsert([chunk(n) for n in range(5)])

        assert len(store.search_dense(vector(1), project_id=PROJECT, filter=None, limit=2)) == 2

    def test_writing_nothing_is_allowed(self, store: VectorStore) -> None:
        """An empty write changes nothing."""
        store.upsert([])

        assert store.count() == 0

    def test_writing_again_replaces(self, store: VectorStore) -> None:
        """A chunk written twice is there once, as it was written last."""
        store.upsert([chunk(1, metadata={"a": "old"})])
        store.upsert([chunk(1, dense=vector(0, 1), metadata={"a": "new"})])

        assert store.count() == 1
        assert set() == self.found(store, is_("a", "old"))
        assert {1} == self.found(store, is_("a", "new"))
        (cosine,) = store.similarities(vector(0, 1), [chunk_id(1)], project_id=PROJECT).values()
        assert abs(cosine - 1) < TOLERANCE

    def test_similarities_leave_out_unknown_ids(self, store: VectorStore) -> None:
        """Asked for the cosines of chunks, it answers for those that the project has."""
        store.upsert([chunk(1), chunk(2, dense=vector(0, 1)), chunk(4, project_id=OTHER_PROJECT)])

        ids = [chunk_id(n) for n in range(1, 5)]
        cosines = store.similarities(vector(1), ids, project_id=PROJECT)

        assert {chunk_id(1), chunk_id(2)} == set(cosines)
        assert np.allclose([1.0, 0.0], [cosines[chunk_id(1)], cosines[chunk_id(2)]], atol=TOLERANCE)
        assert store.similarities(vector(1), [], project_id=PROJECT) == {}

    def test_deleting_a_document_leaves_the_others(self, store: VectorStore) -> None:
        """Only the document's chunks go, and their number comes back."""
        store.upsert([chunk(1), chunk(2), chunk(3, document_id=OTHER_DOCUMENT)])

        assert store.delete(document_id=DOCUMENT) == 2
        assert {3} == self.found(store)
        assert store.delete(document_id=DOCUMENT) == 0

    def test_deleting_older_versions(self, store: VectorStore) -> None:
        """Publishing a new version removes those before it, and none that is being built."""
        store.upsert([chunk(1, version=1), chunk(2, version=2), chunk(3, version=3)])

        assert store.delete(document_id=DOCUMENT, before=2) == 1
        assert {chunk_id(2): 2, chunk_id(3): 3} == store.chunk_ids(DOCUMENT)

    def test_deleting_one_version(self, store: VectorStore) -> None:
        """Undoing an attempt removes its own version only."""
        store.upsert([chunk(1, version=1), chunk(2, version=2)])

        assert store.delete(document_id=DOCUMENT, version=2) == 1
        assert {chunk_id(1): 1} == store.chunk_ids(DOCUMENT)

    def test_deleting_a_project_leaves_the_others(self, store: VectorStore) -> None:
        """Only the project's chunks go, and their number comes back."""
        store.upsert([chunk(1), chunk(2, project_id=OTHER_PROJECT, document_id=OTHER_DOCUMENT)])

        assert store.delete_project(PROJECT) == 1
        assert store.count() == 1

    def test_counts(self, store: VectorStore) -> None:
        """Chunks are counted in all, by project and by document."""
        store.upsert([chunk(1), chunk(2, document_id=OTHER_DOCUMENT)])
        store.upsert([chunk(3, project_id=OTHER_PROJECT, document_id=str(uuid.UUID(int=13)))])

        assert store.count() == 3
        assert store.count(project_id=PROJECT) == 2
        assert store.count(document_id=DOCUMENT) == 1
        assert store.count(project_id=OTHER_PROJECT, document_id=DOCUMENT) == 0

    def test_chunk_ids_of_a_large_document(self, store: VectorStore) -> None:
        """All ids of a document are listed, however many."""
        store.upsert([chunk(n, version=2) for n in range(2_500)])

        assert {chunk_id(n): 2 for n in range(2_500)} == store.chunk_ids(DOCUMENT)
        assert store.chunk_ids(OTHER_DOCUMENT) == {}

    def test_an_id_twice_in_one_write(self, store: VectorStore) -> None:
        """The last of two chunks with one id is kept."""
        store.upsert([chunk(1, metadata={"a": "old"}), chunk(1, metadata={"a": "new"})])

        assert {1} == self.found(store, is_("a", "new"))

    def test_threads_may_write_and_search_at_once(self, store: VectorStore) -> None:
        """Concurrent calls neither fail nor lose a write."""

        def write_and_search(number: int) -> int:
            store.upsert([chunk(number)])
            return len(store.search_dense(vector(1), project_id=PROJECT, filter=None, limit=5))

        with ThreadPoolExecutor(4) as threads:
            counts = list(threads.map(write_and_search, range(24)))

        assert min(counts) >= 1
        assert store.count() == 24

    def test_closing_twice_is_allowed(self, store: VectorStore) -> None:
        """A second close does nothing."""
        store.close()
        store.close()

    def test_openers_see_each_others_writes(self, store: VectorStore) -> None:
        """In a shared store a write is found by all others as soon as it has returned."""
        with self.two_openers(store) as (first, second):
            first.upsert([chunk(1)])
            assert {1} == self.found(second)
            second.upsert([chunk(2, version=2)])
            assert {1, 2} == self.found(first)
            assert second.delete(document_id=DOCUMENT, version=1) == 1
            assert {2} == self.found(first)

    def test_openers_may_write_the_same_chunks(self, store: VectorStore) -> None:
        """Two workers that write the same chunks in any order neither fail nor double them."""
        numbers = list(range(200))
        with self.two_openers(store) as openers, ThreadPoolExecutor(4) as threads:

            def write(turn: int) -> None:
                ordered = numbers if turn % 2 else numbers[::-1]
                openers[turn % 2].upsert([chunk(n, dense=vector(1, turn)) for n in ordered])

            list(threads.map(write, range(8)))

            assert store.count() == len(numbers)
            assert_scores(dict.fromkeys(map(chunk_id, numbers), idf(200, 200)), store, SEVEN)

    def test_openers_may_write_and_remove_at_once(self, store: VectorStore) -> None:
        """Removing a document while another worker writes it fails neither, and can be repeated."""
        with self.two_openers(store) as (first, second), ThreadPoolExecutor(2) as threads:
            for _ in range(3):
                writing = threads.submit(first.upsert, [chunk(n) for n in range(100)])
                removing = threads.submit(second.delete, document_id=DOCUMENT)
                writing.result()
                removing.result()

                second.delete(document_id=DOCUMENT)
                assert store.count() == 0

            first.upsert([chunk(1), chunk(2, terms={8: 1.0})])
            assert_scores({chunk_id(1): idf(2, 1)}, store, SEVEN)

    @contextmanager
    def two_openers(self, store: VectorStore) -> Iterator[tuple[VectorStore, VectorStore]]:
        """Give a shared store and another opener of it; others skip the test."""
        if not store.shared:
            raise unittest.SkipTest("This store is for one process at a time.")
        other = self.open_again(store)
        try:
            yield store, other
        finally:
            other.close()
