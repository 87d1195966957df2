"""Real passages and questions have the same scores wherever the vectors live."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from tests.postgres import Postgres
from tests.providers.vectorstores.conftest import Remote

from ragline.language.lexical import lexical_vector_of_passage, lexical_vector_of_query
from ragline.providers.contracts import IndexedChunk, LexicalVector, Match, Vectors, VectorStore
from ragline.providers.vectorstores.pgvector import PgVectorStore
from ragline.providers.vectorstores.qdrant_edge import QdrantEdgeStore
from ragline.testing.vectorstore import PROJECT, TOLERANCE

pytestmark = pytest.mark.data

DIMENSIONS = 64
BEST = 20


class Sample(NamedTuple):
    """Passages of one project, and questions about them."""

    chunks: list[IndexedChunk]
    words: list[LexicalVector]
    vectors: list[Vectors]


@pytest.fixture(scope="module")
def sample(test_data: Path) -> Sample:
    """Abstracts of Cranfield in eight documents, with directions that stand for their vectors."""
    folder = test_data / "retrieval" / "cranfield"
    texts = [_read(line) for line in (folder / "corpus.jsonl").read_text().splitlines()[:400]]
    questions = [_read(line) for line in (folder / "queries.jsonl").read_text().splitlines()[:15]]
    directions = np.random.default_rng(5).normal(size=(len(texts) + len(questions), DIMENSIONS))
    vectors = (directions / np.linalg.norm(directions, axis=1)[:, None]).astype(np.float32)
    chunks = [
        IndexedChunk(
            chunk_id=str(uuid.UUID(int=n)),
            document_id=str(uuid.UUID(int=n % 8)),
            project_id=PROJECT,
            version=1,
            dense=vectors[n],
            lexical=lexical_vector_of_passage(text, "en"),
            metadata={"n": n},
        )
        for n, text in enumerate(texts)
    ]
    words = [lexical_vector_of_query(each, "en", ["en"]) for each in questions]
    return Sample(chunks, words, list(vectors[len(texts) :]))


@pytest.fixture(scope="module")
def edge(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QdrantEdgeStore]:
    """The embedded store, which the others are compared with."""
    store = QdrantEdgeStore(tmp_path_factory.mktemp("edge") / "index", DIMENSIONS)
    store.upsert(sample.chunks)
    yield store
    store.close()


def test_pgvector(sample: Sample, edge: QdrantEdgeStore, postgres: Postgres) -> None:
    """PostgreSQL scores as the embedded store does."""
    store = PgVectorStore(postgres.new_database(), DIMENSIONS)
    try:
        assert_same(store, edge, sample)
    finally:
        store.close()


def test_servers(sample: Sample, edge: QdrantEdgeStore, remote: Remote) -> None:
    """Each adapter of a server scores as the embedded store does."""
    assert_same(remote.open(dimensions=DIMENSIONS), edge, sample)


def assert_same(store: VectorStore, edge: VectorStore, sample: Sample) -> None:
    """Compare the best scores by words and by vectors, after chunks came twice."""
    store.upsert(sample.chunks[:50])
    store.upsert(sample.chunks)
    for words in sample.words:
        expected = edge.search_lexical(words, project_id=PROJECT, filter=None, limit=BEST)
        found = store.search_lexical(words, project_id=PROJECT, filter=None, limit=BEST)
        assert scores_of(expected) == pytest.approx(scores_of(found), abs=TOLERANCE)
    for vector in sample.vectors:
        expected = edge.search_dense(vector, project_id=PROJECT, filter=None, limit=BEST)
        found = store.search_dense(vector, project_id=PROJECT, filter=None, limit=BEST)
        assert scores_of(expected) == pytest.approx(scores_of(found), abs=TOLERANCE)


def scores_of(matches: list[Match]) -> list[float]:
    """Return the scores; equal ones may be of different chunks at the end of a list."""
    return [match.score for match in matches]


def _read(line: str) -> str:
    return str(json.loads(line)["text"])
