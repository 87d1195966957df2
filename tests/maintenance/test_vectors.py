"""Vectors that search will never return are found by counting, and removed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.maintenance.rows import Rows

from ragline.database import Database
from ragline.maintenance.rules import Removed
from ragline.maintenance.vectors import remove_vectors, stray_vectors
from ragline.models import Chunk, ChunkVector, Document, Project, VectorIndex, new_id
from ragline.providers.contracts import IndexedChunk, LexicalVector, VectorStore
from ragline.providers.vectorstores.qdrant_edge import QdrantEdgeStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VectorStore]:
    """An empty index."""
    opened = QdrantEdgeStore(tmp_path / "index", 2)
    yield opened
    opened.close()


@dataclass
class Place:
    """An index as far as strays are looked for in it."""

    id: str
    store: VectorStore
    with_words: bool = True


def places(database: Database, rows: Rows, store: VectorStore) -> list[Any]:
    """Return the one index of the project, which is recorded with it."""
    with database.write() as session:
        project = session.get_one(Project, rows.project_id)
        if project.index_id is None:
            row = VectorIndex(
                store="qdrant_edge",
                embedder="use",
                embedder_name="use/1",
                dimensions=2,
                collection=None,
                with_words=True,
            )
            session.add(row)
            session.flush()
            project.index_id = row.id
        return [Place(project.index_id, store)]


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


def removed(database: Database, rows: Rows, store: VectorStore) -> list[int]:
    """Remove stray vectors and return how many were noted each time."""
    counts: list[int] = []

    def note(_session: Session, _what: str, gone: Removed) -> None:
        counts.append(gone.count)

    remove_vectors(database, places(database, rows, store), note=note)
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
        (stray.document_id, stray.version, stray.count)
        for stray in stray_vectors(database, places(database, rows, store))
    ]
    assert [3] == removed(database, rows, store)
    assert {2} == set(store.chunk_ids(document).values())
    assert [] == removed(database, rows, store)


def test_vectors_of_a_deleted_document_go(
    rows: Rows, database: Database, store: VectorStore
) -> None:
    """Vectors that outlived their document are found by its job."""

    gone = new_id()
    rows.job(document_id=gone, version=1)
    index(store, rows, gone, 1)

    assert [2] == removed(database, rows, store)
    assert 0 == store.count()


def test_vectors_of_a_version_under_way_stay(
    rows: Rows, database: Database, store: VectorStore
) -> None:
    """What an open job has written is published soon."""

    document = rows.document(published=None)
    rows.job(None, document_id=document, version=1)
    index(store, rows, document, 1)

    assert [] == removed(database, rows, store)
    assert 2 == store.count()


def test_vectors_that_are_published_meanwhile_stay(
    rows: Rows, database: Database, store: VectorStore
) -> None:
    """What was found is judged again before it is removed."""

    document = rows.document(published=None)
    index(store, rows, document, 1)
    found = stray_vectors(database, places(database, rows, store))

    def published(*_arguments: object) -> None:
        raise AssertionError("a published version was removed")

    first = next(found)
    with database.write() as session:
        session.execute(
            sa.update(Document).where(Document.id == first.document_id).values(published_version=1)
        )
    remove_vectors(database, places(database, rows, store), note=published)

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
    found = list(stray_vectors(database, places(database, rows, store)))
    store.close()

    assert [] == found
    assert 1 == store.asked


def test_vectors_in_an_index_the_project_left_go(
    rows: Rows, database: Database, store: VectorStore
) -> None:
    """What is held where a project is not searched any more is removed, published or not."""

    document = rows.document()
    rows.version(document, 1)
    index(store, rows, document, 1)
    places(database, rows, store)
    with database.write() as session:
        session.add(VectorIndex(**_OTHER))
    found = [Place(_OTHER["id"], store)]

    assert [(document, None, 2, True)] == [
        (stray.document_id, stray.version, stray.count, stray.is_foreign)
        for stray in stray_vectors(database, found)  # type: ignore[arg-type]  # as far as is needed
    ]


def test_what_a_better_index_holds_of_published_passages_stays(
    rows: Rows, database: Database, store: VectorStore
) -> None:
    """Vectors of a published version stay, noted or about to be; those of others go."""

    document = rows.document(published=2, latest=2)
    rows.version(document, 2)
    places(database, rows, store)
    with database.write() as session:
        session.add(VectorIndex(**_OTHER))
        session.flush()
        session.get_one(Project, rows.project_id).better_index_id = _OTHER["id"]
        chunk = session.scalars(sa.select(Chunk.id).where(Chunk.document_id == document)).first()
        session.add(
            ChunkVector(chunk_id=chunk, index_id=_OTHER["id"], embedding_key="0" * 64, indexed=True)
        )
    index(store, rows, document, 2)
    index(store, rows, document, 1, 3)
    better: list[Any] = [Place(_OTHER["id"], store, with_words=False)]

    assert [(1, 3)] == [(each.version, each.count) for each in stray_vectors(database, better)]


_OTHER: dict[str, Any] = {
    "id": "11111111-1111-4111-8111-111111111111",
    "store": "qdrant_edge",
    "embedder": "tiny",
    "embedder_name": "tiny/1",
    "dimensions": 2,
    "collection": "better_1",
    "with_words": False,
}
