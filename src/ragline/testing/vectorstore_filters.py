"""What filters on metadata must do in every vector store; a part of `VectorStoreConformance`."""

from __future__ import annotations

import uuid

from ragline.providers.contracts import Comparison, Compound, Filter, LexicalVector, VectorStore
from ragline.testing.vectorstore_samples import PROJECT, chunk, is_, vector


class FilterConformance:
    """Tests of filters; the fixture `store` is empty and of 8 dimensions."""

    def found(self, store: VectorStore, filter: Filter | None = None) -> set[int]:
        """Return the numbers of the chunks that pass a filter, by both ways of searching."""
        dense = store.search_dense(vector(1), project_id=PROJECT, filter=filter, limit=100)
        lexical = store.search_lexical(
            LexicalVector((7,), (1.0,)), project_id=PROJECT, filter=filter, limit=100
        )
        ids = {match.chunk_id for match in dense}
        assert ids == {match.chunk_id for match in lexical}
        return {uuid.UUID(each).int - 1000 for each in ids}

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

    def test_filters_compare_lists(self, store: VectorStore) -> None:
        """`eq` and `in` hold where any value does, `ne` and `nin` where none does."""
        held = {1: ["x", "y"], 2: ["z"], 3: [], 4: "x", 5: ["xy", "Y"]}
        store.upsert([chunk(n, metadata={"tags": tags}) for n, tags in held.items()])
        store.upsert([chunk(6)])

        expected: list[tuple[Comparison, set[int]]] = [
            (Comparison("eq", "tags", "x"), {1, 4}),
            (Comparison("ne", "tags", "x"), {2, 3, 5, 6}),
            (Comparison("in", "tags", ("y", "z")), {1, 2}),
            (Comparison("nin", "tags", ("y", "z")), {3, 4, 5, 6}),
            (Comparison("in", "tags", ("x", "y")), {1, 4}),
        ]

        found = [self.found(store, comparison) for comparison, _ in expected]
        assert [numbers for _, numbers in expected] == found
        both = Compound("and", (is_("tags", "x"), is_("tags", "y")))
        assert {1} == self.found(store, both)

    def test_odd_metadata_are_stored(self, store: VectorStore) -> None:
        """What cannot be compared is kept out of the way, and harms no other key."""
        odd: dict[str, object] = {
            "nothing": None,
            "object": {"a": 1},
            "huge": 2**2000,
            "broken": "\ud800",
            "zero": "a\0b",
            "nan": float("nan"),
            "fine": "x",
        }
        store.upsert([chunk(1, metadata=odd)])

        assert {1} == self.found(store, is_("fine", "x"))

    def test_values_are_never_part_of_a_query(self, store: VectorStore) -> None:
        """Text that means something to a database is text like other."""
        texts = ["%s", "%(limit)s", "'; DROP TABLE chunks; --", '"', "\\", "{}", "$.a", "é🙂", ""]
        store.upsert([chunk(n, metadata={"v": text}) for n, text in enumerate(texts)])

        assert [{n} for n in range(len(texts))] == [self.found(store, is_("v", t)) for t in texts]

    def test_numbers_of_any_size_compare(self, store: VectorStore) -> None:
        """Very large, very small and negative numbers keep their order."""
        numbers = [-1e300, -2.5, -5e-324, 0, 5e-324, 1e-7, 2**53, 1e22, 1e300]
        store.upsert([chunk(n, metadata={"v": number}) for n, number in enumerate(numbers)])

        for position, number in enumerate(numbers):
            assert {position} == self.found(store, is_("v", number))
            above = set(range(position + 1, len(numbers)))
            assert above == self.found(store, Comparison("gt", "v", number))
