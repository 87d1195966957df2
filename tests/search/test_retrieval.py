"""Questions find their passages in a real store, with the built-in embedder."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ragline.language.lexical import lexical_vector_of_passage
from ragline.providers import registry
from ragline.providers.contracts import Comparison, IndexedChunk
from ragline.search.retrieval import Mode, find_chunks
from ragline.settings import Settings

PROJECT = str(uuid.UUID(int=1))
PASSAGES = [
    "Les dépenses publiques de l'État ont augmenté pendant la guerre.",
    "La tortue géante vit sur une île de l'océan Indien.",
    "Le violon est un instrument de musique à cordes frottées.",
]


@pytest.fixture(scope="module")
def find(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., list[int]]]:
    """Search among three French passages; the numbers of those found, best first."""
    embedder = registry.embedder("use", Settings(_env_file=None))
    path: Path = tmp_path_factory.mktemp("search") / "index"
    store = registry.load("ragline.vectorstores", "qdrant_edge")(path, embedder.dimensions)
    store.upsert(
        [
            IndexedChunk(
                str(uuid.UUID(int=number)),
                str(uuid.UUID(int=number)),
                PROJECT,
                1,
                embedder.embed_query(text),
                lexical_vector_of_passage(text, "fr"),
                {"number": number},
            )
            for number, text in enumerate(PASSAGES)
        ]
    )

    def numbers(question: str, **options: Any) -> list[int]:
        matches = find_chunks(
            question,
            main=SimpleNamespace(store=store, embedder=embedder),
            project_id=PROJECT,
            **{"passage_languages": {"fr"}, **options},
        )
        assert [match.score for match in matches] == sorted(
            (match.score for match in matches), reverse=True
        )
        assert all(0 <= match.score <= 1.000001 for match in matches)
        return [uuid.UUID(match.chunk_id).int for match in matches]

    yield numbers
    store.close()


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_every_mode_finds_the_passage(find: Callable[..., list[int]], mode: Mode) -> None:
    """A question in the passages' language finds its passage first."""
    assert find("Où vivent les tortues géantes ?", mode=mode)[0] == 1


def test_words_alone_find_only_passages_with_them(find: Callable[..., list[int]]) -> None:
    """In lexical mode a passage without any word of the question is not found."""
    assert find("depense publique", mode="lexical") == [0]


def test_another_language_finds_by_meaning(find: Callable[..., list[int]]) -> None:
    """An English question finds a French passage."""
    assert find("Which musical instrument has strings and is played with a bow?")[0] == 2


def test_unknown_passage_languages_are_no_hindrance(find: Callable[..., list[int]]) -> None:
    """Without them all languages are tried."""
    assert find("tortues", passage_languages=())[0] == 1


def test_a_filter_holds_for_both_ways(find: Callable[..., list[int]]) -> None:
    """Passages that do not pass are found by neither words nor meaning."""
    only = Comparison("eq", "number", 2)

    assert find("tortue géante", filter=only) == [2]


def test_the_limit_bounds_single_modes(find: Callable[..., list[int]]) -> None:
    """No more than `limit` come back from one way of searching."""
    assert len(find("tortue", mode="dense", limit=1)) == 1
