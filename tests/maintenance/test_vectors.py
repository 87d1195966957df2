"""Vectors that search will never return are found by counting, and removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.maintenance.rows import Rows

from ragline.database import Database
from ragline.maintenance.rules import Removed
from ragline.maintenance.vectors import remove_vectors, stray_vectors
from ragline.models import Document, new_id
from ragline.providers.contracts import IndexedChunk, LexicalVector, VectorStore
from ragline.providers.vectorstores.qdrant_edge import QdrantEdgeStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VectorStore]:
    """An empty index."""
    opened = QdrantEdgeStore(tmp_path / "index", 2)
    yield opened
    opened.close()


def index(store: VectorStore, rows: Rows, document: str, version: int, count: int = 2) -> None:
    """Write vectors of a version of a document."""
    store.upsert(
        [
            IndexedChunk(
                chunk_id=new_id(),
                document_id=document,
                project_id=rows.project_id,
                version=version,
                dense=np.ones(2, dtype=np.float32),
                lexical=LexicalVector((), ()),
                metadata={},
            )
            for _ in range(count)
        ]
    )


def removed(database: Database, store: VectorStore) -> list[int]:
    """Remove stray vectors and return how many were noted each time."""
    counts: list[int] = []

    def note(_session: Session, _what: str, gone: Removed) -> None:
        counts.append(gone.count)

    remove_vectors(database, store, note=note)
    return counts


def test_vectors_of_an_unpublished_version_go(
    rows: Rows, database: Database, store: VectorStore
) -> None:
    """Vectors of another version than the published one are removed, and those of it stay."""

    document = rows.document(published=2, latest=2)
    rows.version(document, 2)
    index(store, rows, document, 1, 3)
    index(store, rows, document, 2)

    assert [(document, 1, 3)] == [
        (stray.document_id, stray.version, stray.count) for stray in stray_vectors(database, store)
    ]
    assert [3] == removed(database, store)
    assert {2} == set(store.chunk_ids(document).values())
    assert [] == removed(database, store)


def test_vectors_of_a_deleted_document_go(
    rows: Rows, database: Database, store: VectorStore
) -> None:
    """Vectors that outlived their document are found by its job."""

    gone = new_id()
    rows.job(document_id=gone, version=1)
    index(store, rows, gone, 1)

    assert [2] == removed(database, store)
    assert 0 == store.count()


def test_vectors_of_a_version_under_way_stay(
    rows: Rows, database: Database, store: VectorStore
) -> None:
    """What an open job has written is published soon."""

    document = rows.document(published=None)
    rows.job(None, document_id=document, version=1)
    index(store, rows, document, 1)

    assert [] == removed(database, store)
    assert 2 == store.count()


def test_vectors_that_are_published_meanwhile_stay(
    rows: Rows, database: Database, store: VectorStore
) -> None:
    """What was found is judged again before it is removed."""

    document = rows.document(published=None)
    index(store, rows, document, 1)
    found = stray_vectors(database, store)

    def published(*_arguments: object) -> None:
        raise AssertionError("a published version was removed")

    first = next(found)
    with database.write() as session:
        session.execute(
            sa.update(Document).where(Document.id == first.document_id).values(published_version=1)
        )
    remove_vectors(database, store, note=published)

    assert 2 == store.count()


def test_documents_of_whole_projects_are_not_looked_at(
    rows: Rows, database: Database, tmp_path: Path
) -> None:
    """Where index and database agree on a project, one count is all that is asked."""

    class Counting(QdrantEdgeStore):
        asked = 0

        def count(self, *, project_id: str | None = None, document_id: str | None = None) -> int:
            self.asked += 1
            return super().count(project_id=project_id, document_id=document_id)

    store = Counting(tmp_path / "index", 2)
    for _ in range(5):
        document = rows.document()
        rows.version(document, 1)
        index(store, rows, document, 1)
    found = list(stray_vectors(database, store))
    store.close()

    assert [] == found
    assert 1 == store.asked
