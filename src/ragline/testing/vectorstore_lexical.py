"""What searching by words must do in every vector store; a part of `VectorStoreConformance`."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable

from ragline.providers.contracts import IndexedChunk, LexicalVector, VectorStore
from ragline.testing.vectorstore_samples import (
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

NO_TERMS = LexicalVector((), ())
SEVEN = LexicalVector((7,), (1.0,))


class LexicalConformance:
    """Tests of searching by words; the fixture `store` is empty and of 8 dimensions."""

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

    def test_lexical_scores_are_those_of_bm25(self, store: VectorStore) -> None:
        """A score is the sum of both weights times IDF, over all chunks of the project."""
        store.upsert(
            [
                chunk(1, terms={7: 2.0}),
                chunk(2, terms={7: 0.5, 9: 1.0}),
                chunk(3, terms={8: 1.0}),
                IndexedChunk(chunk_id(4), DOCUMENT, PROJECT, 1, vector(1), NO_TERMS, {}),
                chunk(5, project_id=OTHER_PROJECT, document_id=OTHER_DOCUMENT),
            ]
        )

        expected = {
            chunk_id(2): 0.5 * idf(4, 2) + 3.0 * idf(4, 1),
            chunk_id(1): 2.0 * idf(4, 2),
        }
        assert_scores(expected, store, LexicalVector((7, 9), (1.0, 3.0)))

    def test_a_filter_leaves_lexical_scores_as_they_are(self, store: VectorStore) -> None:
        """Document frequencies are the project's, not those of what passes the filter."""
        store.upsert([chunk(1, metadata={"a": "x"}), chunk(2), chunk(3, terms={8: 1.0})])

        matches = store.search_lexical(SEVEN, project_id=PROJECT, filter=is_("a", "x"), limit=9)

        assert [chunk_id(1)] == [match.chunk_id for match in matches]
        assert abs(matches[0].score - idf(3, 2)) < TOLERANCE

    def test_lexical_scores_follow_what_is_held(self, store: VectorStore) -> None:
        """Chunks that were replaced or removed no longer count for the others' scores."""
        store.upsert([chunk(1), chunk(2), chunk(3, document_id=OTHER_DOCUMENT), chunk(4)])
        store.upsert([chunk(2, terms={8: 1.0})])
        store.delete(document_id=OTHER_DOCUMENT)

        expected = idf(3, 2)
        assert_scores({chunk_id(1): expected, chunk_id(4): expected}, store, SEVEN)

    def test_lexical_search_without_terms_finds_nothing(self, store: VectorStore) -> None:
        """A question of stop words only has no lexical matches."""
        store.upsert([chunk(1)])

        assert store.search_lexical(NO_TERMS, project_id=PROJECT, filter=None, limit=5) == []

    def test_a_chunk_without_terms_can_be_stored(self, store: VectorStore) -> None:
        """A passage of symbols only is found by its vector."""
        bare = IndexedChunk(chunk_id(1), DOCUMENT, PROJECT, 1, vector(1), NO_TERMS, {})
        store.upsert([bare])

        matches = store.search_dense(vector(1), project_id=PROJECT, filter=None, limit=5)

        assert [chunk_id(1)] == [match.chunk_id for match in matches]

    def test_scores_do_not_depend_on_history(self, store: VectorStore) -> None:
        """However chunks came, came again and went: the best have the scores of what is left."""
        dice = random.Random(7)  # noqa: S311  # the same chunks each time
        held: dict[int, IndexedChunk] = {}
        for _ in range(6):
            drawn = [_drawn(dice, dice.randrange(120)) for _ in range(60)]
            store.upsert(drawn)
            held |= {_number(each): each for each in drawn}
            gone = dice.randrange(4)
            store.delete(document_id=_document(gone), before=2)
            held = {
                n: each
                for n, each in held.items()
                if each.document_id != _document(gone) or each.version >= 2
            }

        for size in (1, 3, 9):
            asked = LexicalVector(tuple(dice.sample(range(1, 41), size)), (1.0,) * size)
            matches = store.search_lexical(asked, project_id=PROJECT, filter=None, limit=12)
            expected = expected_scores(held.values(), asked)
            best = sorted(expected.values(), reverse=True)[:12]
            assert len(best) == len(matches)
            for score, match in zip(best, matches, strict=True):
                assert abs(score - match.score) < TOLERANCE
                assert abs(expected[match.chunk_id] - match.score) < TOLERANCE

    def test_a_chunk_that_lost_its_words(self, store: VectorStore) -> None:
        """Written again without terms it is found by its vector only."""
        store.upsert([chunk(1), chunk(2)])
        bare = IndexedChunk(chunk_id(1), DOCUMENT, PROJECT, 1, vector(1), NO_TERMS, {})
        store.upsert([bare])

        assert_scores({chunk_id(2): idf(2, 1)}, store, SEVEN)
        assert chunk_id(1) in store.similarities(vector(1), [chunk_id(1)], project_id=PROJECT)

    def test_an_index_without_words(self, store: VectorStore) -> None:
        """Where no chunk has terms, vectors, counts and removal work, and no word is found."""
        bare = [
            IndexedChunk(chunk_id(n), DOCUMENT, PROJECT, 1, vector(1, n), NO_TERMS, {"n": n})
            for n in range(3)
        ]
        store.upsert(bare)
        store.upsert(bare)

        found = store.search_dense(vector(1), project_id=PROJECT, filter=is_("n", 2), limit=9)
        assert [chunk_id(2)] == [match.chunk_id for match in found]
        assert store.search_lexical(SEVEN, project_id=PROJECT, filter=None, limit=9) == []
        assert store.count(project_id=PROJECT) == 3
        assert store.delete_project(PROJECT) == 3


def _drawn(dice: random.Random, number: int) -> IndexedChunk:
    """Return a chunk with terms of all degrees of rarity."""
    terms = {
        term: round(dice.uniform(0.2, 2.2), 3)
        for term in range(1, 41)
        if dice.random() < 1 / (1 + term / 4)
    }
    document, version = _document(number % 4), 1 + number % 3
    return chunk(number, document_id=document, version=version, terms=terms)


def _document(number: int) -> str:
    return f"{number:08d}-0000-4000-8000-000000000000"


def _number(held: IndexedChunk) -> int:
    return int(held.chunk_id.replace("-", ""), 16) - 1000


def expected_scores(held: Iterable[IndexedChunk], asked: LexicalVector) -> dict[str, float]:
    """Return the scores above 0 by the formula."""
    texts = {
        each.chunk_id: dict(zip(each.lexical.indices, each.lexical.values, strict=True))
        for each in held
    }
    scores = dict.fromkeys(texts, 0.0)
    for term, weight in zip(asked.indices, asked.values, strict=True):
        holding = [each for each, terms in texts.items() if term in terms]
        for each in holding:
            scores[each] += weight * texts[each][term] * idf(len(texts), len(holding))
    return {each: score for each, score in scores.items() if score > 0}


def idf(chunks: int, holding: int) -> float:
    """Return the weight of a term that so many of all chunks hold."""
    return math.log((chunks - holding + 0.5) / (holding + 0.5) + 1)


def assert_scores(expected: dict[str, float], store: VectorStore, asked: LexicalVector) -> None:
    """Check the ids and scores of all lexical matches."""
    matches = store.search_lexical(asked, project_id=PROJECT, filter=None, limit=1_000)
    scores = {match.chunk_id: match.score for match in matches}
    assert expected.keys() == scores.keys()
    assert sorted(scores.values(), reverse=True) == [match.score for match in matches]
    for held, score in expected.items():
        assert abs(score - scores[held]) < TOLERANCE
