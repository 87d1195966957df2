"""What every vector store must do: inherit `VectorStoreConformance` and give it a store.

class TestMyStore(VectorStoreConformance):
    @pytest.fixture
    def store(self, tmp_path):
        store = MyStore(...)
        yield store
        store.close()
"""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ragline.providers.contracts import (
    Comparison,
    Compound,
    Filter,
    IndexedChunk,
    LexicalVector,
    Vectors,
    VectorStore,
)

DIMENSIONS = 8
PROJECT = str(uuid.UUID(int=1))
OTHER_PROJECT = str(uuid.UUID(int=2))
DOCUMENT = str(uuid.UUID(int=11))
OTHER_DOCUMENT = str(uuid.UUID(int=12))
LARGEST_TERM = 2**32 - 1
TOLERANCE = 0.002


def vector(*values: float) -> Vectors:
    """Return a vector of length 1 that begins with these values."""
    padded = np.zeros(DIMENSIONS, dtype=np.float32)
    padded[: len(values)] = values
    unit: Vectors = padded / np.linalg.norm(padded)
    return unit


def chunk(
    number: int,
    *,
    project_id: str = PROJECT,
    document_id: str = DOCUMENT,
    version: int = 1,
    dense: Vectors | None = None,
    terms: dict[int, float] | None = None,
    metadata: dict[str, object] | None = None,
) -> IndexedChunk:
    """Return a chunk whose id is made from a number."""
    lexical = terms or {7: 1.0}
    return IndexedChunk(
        chunk_id=chunk_id(number),
        document_id=document_id,
        project_id=project_id,
        version=version,
        dense=vector(1) if dense is None else dense,
        lexical=LexicalVector(tuple(lexical), tuple(lexical.values())),
        metadata=metadata or {},
    )


def chunk_id(number: int) -> str:
    """Return the id of a numbered chunk."""
    return str(uuid.UUID(int=1000 + number))


def is_(key: str, value: str | int | float | bool) -> Comparison:
    """Return the condition that a key equals a value."""
    return Comparison("eq", key, value)


class VectorStoreConformance:
    """Tests of the contract `VectorStore`; the fixture `store` is empty and of 8 dimensions."""

    def found(self, store: VectorStore, filter: Filter | None = None) -> set[int]:
        """Return the numbers of the chunks that pass a filter, by both ways of searching."""
        dense = store.search_dense(vector(1), project_id=PROJECT, filter=filter, limit=100)
        lexical = store.search_lexical(
            LexicalVector((7,), (1.0,)), project_id=PROJECT, filter=filter, limit=100
        )
        ids = {match.chunk_id for match in dense}
        assert ids == {match.chunk_id for match in lexical}
        return {uuid.UUID(each).int - 1000 for each in ids}

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

    def test_lexical_search_weighs_rare_terms_more(self, store: VectorStore) -> None:
        """A term that few chunks hold scores more than one that many hold."""
        common, rare = 5, LARGEST_TERM
        store.upsert([chunk(n, terms={common: 1.0}) for n in range(1, 9)])
        store.upsert([chunk(9, terms={rare: 1.0}), chunk(10, terms={6: 1.0})])

        query = LexicalVector((common, rare), (1.0, 1.0))
        matches = store.search_lexical(query, project_id=PROJECT, filter=None, limit=20)

        assert chunk_id(9) == matches[0].chunk_id
        assert matches[0].score > matches[1].score > 0
        assert len(matches) == 9

    def test_lexical_search_without_terms_finds_nothing(self, store: VectorStore) -> None:
        """A question of stop words only has no lexical matches."""
        store.upsert([chunk(1)])

        empty = LexicalVector((), ())

        assert store.search_lexical(empty, project_id=PROJECT, filter=None, limit=5) == []

    def test_a_chunk_without_terms_can_be_stored(self, store: VectorStore) -> None:
        """A passage of symbols only is found by its vector."""
        bare = IndexedChunk(chunk_id(1), DOCUMENT, PROJECT, 1, vector(1), LexicalVector((), ()), {})
        store.upsert([bare])

        matches = store.search_dense(vector(1), project_id=PROJECT, filter=None, limit=5)

        assert [chunk_id(1)] == [match.chunk_id for match in matches]

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
        assert abs(store.similarities(vector(0, 1), [chunk_id(1)])[chunk_id(1)] - 1) < TOLERANCE

    def test_similarities_leave_out_unknown_ids(self, store: VectorStore) -> None:
        """Asked for the cosines of chunks, it answers for those it has."""
        store.upsert([chunk(1), chunk(2, dense=vector(0, 1))])

        cosines = store.similarities(vector(1), [chunk_id(1), chunk_id(2), chunk_id(3)])

        assert {chunk_id(1), chunk_id(2)} == set(cosines)
        assert np.allclose([1.0, 0.0], [cosines[chunk_id(1)], cosines[chunk_id(2)]], atol=TOLERANCE)
        assert store.similarities(vector(1), []) == {}

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

    def test_filters_compare(self, store: VectorStore) -> None:
        """Each operator holds where it should, and only there."""
        store.upsert([chunk(n, metadata={"year": 2000 + n, "kind": "ab"[n % 2]}) for n in range(4)])

        expected = {
            ("eq", 2001): {1},
            ("ne", 2001): {0, 2, 3},
            ("gt", 2001): {2, 3},
            ("gte", 2001): {1, 2, 3},
            ("lt", 2001): {0},
            ("lte", 2001): {0, 1},
            ("in", (2000, 2003)): {0, 3},
            ("nin", (2000, 2003)): {1, 2},
            ("in", ()): set(),
            ("nin", ()): {0, 1, 2, 3},
        }
        found = {
            (operator, value): self.found(store, Comparison(operator, "year", value))  # type: ignore[arg-type]  # literals above
            for operator, value in expected
        }
        assert expected == found

    def test_filters_combine(self, store: VectorStore) -> None:
        """`and` needs all of its parts, `or` one of them."""
        store.upsert([chunk(n, metadata={"n": n, "kind": "ab"[n % 2]}) for n in range(4)])
        low = Comparison("lt", "n", 2)
        kind = is_("kind", "a")

        assert {0} == self.found(store, Compound("and", (low, kind)))
        assert {0, 1, 2} == self.found(store, Compound("or", (low, kind)))
        nested = Compound("and", (Compound("or", (low, kind)), Comparison("ne", "n", 0)))
        assert {1, 2} == self.found(store, nested)
        assert {0, 1, 2, 3} == self.found(store, Compound("and", ()))
        assert set() == self.found(store, Compound("or", ()))

    def test_another_type_equals_nothing(self, store: VectorStore) -> None:
        """Text, numbers and truth values are never equal or in order to each other."""
        values: list[object] = ["1", 1, True, 1.5]
        store.upsert([chunk(n, metadata={"v": value}) for n, value in enumerate(values)])

        assert {0} == self.found(store, is_("v", "1"))
        assert {1} == self.found(store, is_("v", 1))
        assert {1} == self.found(store, is_("v", 1.0))
        assert {2} == self.found(store, is_("v", True))
        assert {3} == self.found(store, is_("v", 1.5))
        assert {1, 3} == self.found(store, Comparison("gte", "v", 1))
        assert set() == self.found(store, Comparison("gt", "v", "0"))
        assert {0, 2} == self.found(store, Comparison("in", "v", ("1", True)))

    def test_a_missing_key_equals_nothing(self, store: VectorStore) -> None:
        """A chunk without the key passes `ne` and `nin` only."""
        store.upsert([chunk(1), chunk(2, metadata={"a": "x"})])

        assert {2} == self.found(store, is_("a", "x"))
        assert {1} == self.found(store, Comparison("ne", "a", "x"))

    def test_keys_cannot_break_out(self, store: VectorStore) -> None:
        """Keys with dots, quotes or brackets are keys like others, and reach nothing else."""
        keys = ["a.b", 'a"b', "a[]", "a b", "", "é\n", "a\\b", "project_id", "../x", "a'b", "$or"]
        store.upsert([chunk(n, metadata={key: "v"}) for n, key in enumerate(keys)])

        found = [self.found(store, is_(key, "v")) for key in keys]

        assert [{n} for n in range(len(keys))] == found
        assert set() == self.found(store, is_("project_id", PROJECT))

    def test_a_list_equals_each_of_its_values(self, store: VectorStore) -> None:
        """A key with several values passes for any of them."""
        store.upsert([chunk(1, metadata={"tags": ["x", "y"]}), chunk(2, metadata={"tags": ["z"]})])

        assert {1} == self.found(store, is_("tags", "y"))

    def test_odd_metadata_are_stored(self, store: VectorStore) -> None:
        """What cannot be compared is kept out of the way, and harms no other key."""
        odd: dict[str, object] = {
            "nothing": None,
            "object": {"a": 1},
            "huge": 2**2000,
            "broken": "\ud800",
            "nan": float("nan"),
            "fine": "x",
        }
        store.upsert([chunk(1, metadata=odd)])

        assert {1} == self.found(store, is_("fine", "x"))

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
