"""Strays are found and removed; what may still become part of a document is none."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.maintenance.rows import NOW, Rows, settings

from ragline.blobs import BlobStore, build_store
from ragline.database import Database
from ragline.maintenance import cleanup, retention, rules
from ragline.maintenance.rules import Removed
from ragline.models import (
    Chunk,
    ChunkVector,
    Document,
    Embedding,
    Page,
    PageText,
    VectorIndex,
)
from ragline.models import now as real_now
from ragline.settings import Settings

OLD = retention.moments(settings(), NOW)


def stray_rules(database: Database) -> list[rules.Rule]:
    """Return all rules of stray rows."""
    with database.read() as session:
        return cleanup.rules(session, OLD)


def counted(database: Database) -> dict[str, int]:
    """Return which stray rows there are."""
    found = stray_rules(database)
    with database.read() as session:
        counts = {rule.what: rules.count(session, rule) for rule in found}
    return {what: count for what, count in counts.items() if count}


def removed(database: Database) -> dict[str, int]:
    """Remove stray rows and return how many they were."""
    counts = {
        rule.what: rules.remove(database, rule, note=no_note) for rule in stray_rules(database)
    }
    return {what: count for what, count in counts.items() if count}


def no_note(_session: Session, _what: str, _removed: Removed) -> None:
    """Note nothing."""


def left(database: Database) -> list[int]:
    """Return how many pages, chunks, texts and vectors there are."""
    with database.read() as session:
        tables = (Page, Chunk, PageText, Embedding)
        return [session.scalar(sa.select(sa.func.count()).select_from(t)) or 0 for t in tables]


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    """An empty file store."""
    store = build_store(Settings(_env_file=None, data_dir=tmp_path))
    store.prepare()
    return store


def stored(blobs: BlobStore, tmp_path: Path, content: bytes, *, age: timedelta) -> str:
    """Store a file some time ago and return its hash."""
    content_hash = blobs.store(io.BytesIO(content)).content_hash
    path = next(path for path in (tmp_path / "files").rglob(content_hash))
    at = (real_now() - age).timestamp()
    os.utime(path, (at, at))
    return content_hash


def files_removed(database: Database, blobs: BlobStore, now: datetime) -> list[str]:
    """Remove stray files and return the sentences."""
    return cleanup.remove_files(database, blobs, now, note=no_note)


def test_version_that_was_given_up_goes(rows: Rows, database: Database) -> None:
    """A version whose failed job was dismissed goes with its steps, and what it refers to."""

    document = rows.document(published=1, latest=2)
    rows.version(document, 1)
    rows.version(document, 2)
    rows.job(days=50, document_id=document, version=1)
    rows.job("failed", days=40, dismissed=1, document_id=document, version=2)

    expected = {"chunks": 2, "pages": 1, "embeddings": 2, "page_texts": 1}
    assert expected == counted(database)
    assert expected == removed(database)
    assert [1, 2, 1, 2] == left(database)
    assert {} == removed(database)


@pytest.mark.parametrize("outcome", [None, "failed", "cancelled"])
def test_version_that_may_come_stays(rows: Rows, database: Database, outcome: str | None) -> None:
    """A version that is built, or whose job can be retried, is no stray."""

    document = rows.document(published=1, latest=2)
    rows.version(document, 1)
    rows.version(document, 2)
    rows.job(document_id=document, version=1, days=10)
    rows.job(outcome, days=5, document_id=document, version=2)

    assert {} == counted(database)
    assert {} == removed(database)


def test_version_that_was_replaced_goes(rows: Rows, database: Database) -> None:
    """A failed version cannot be retried once a later one was begun."""

    document = rows.document(published=2, latest=2)
    rows.version(document, 1)
    rows.version(document, 2)
    rows.job("failed", days=5, document_id=document, version=1)
    rows.job(days=4, document_id=document, version=2)

    assert {"chunks": 2, "pages": 1} == {
        what: count for what, count in removed(database).items() if what in ("chunks", "pages")
    }


def test_document_without_passages_keeps_its_pages(rows: Rows, database: Database) -> None:
    """A document that was read but holds no text is not published; its pages tell why."""

    document = rows.document(published=None)
    rows.version(document, 1, chunks=0)
    rows.job(days=50, document_id=document, version=1)

    assert {} == removed(database)


def test_version_whose_steps_are_kept_stays(rows: Rows, database: Database) -> None:
    """As long as a retry would begin behind a dismissed job's steps, their effects stay."""

    document = rows.document(published=None)
    rows.version(document, 1)
    rows.job("failed", days=29, dismissed=20, document_id=document, version=1)

    assert {} == removed(database)


@pytest.mark.parametrize("outcome", [None, "failed", "cancelled"])
def test_versions_before_a_retry_stay(rows: Rows, database: Database, outcome: str | None) -> None:
    """A retry has a version of its own and takes over what the attempt before it built."""

    document = rows.document(published=None, latest=2)
    rows.version(document, 1)
    rows.job(outcome, days=5, document_id=document, version=2)

    assert {} == removed(database)


def test_version_that_ended_just_now_stays(rows: Rows, database: Database) -> None:
    """Within an hour of its end nothing of a job is touched: a late step may still write."""

    document = rows.document(published=2, latest=2)
    rows.version(document, 1)
    rows.job("failed", days=0.01, document_id=document, version=1)
    rows.job(days=0.005, document_id=document, version=2)

    assert {} == removed(database)


def test_unused_results_go_after_a_day(rows: Rows, database: Database) -> None:
    """Cached results that nothing refers to are kept for a day."""

    rows.add(
        Embedding(key="old", vector=b"", created_at=rows.ago(1.1)),
        Embedding(key="young", vector=b"", created_at=rows.ago(0.9)),
        PageText(key="old", text="x", created_at=rows.ago(1.1)),
        PageText(key="young", text="x", created_at=rows.ago(0.9)),
    )

    assert {"embeddings": 1, "page_texts": 1} == counted(database)
    assert {"embeddings": 1, "page_texts": 1} == removed(database)
    assert [0, 0, 1, 1] == left(database)


def test_embeddings_of_further_indexes_stay(rows: Rows, database: Database) -> None:
    """An embedding that a passage has in a further index goes with the passage, not before."""

    document = rows.document(published=1, latest=2)
    rows.version(document, 1, pages=0)
    rows.version(document, 2, pages=0)
    rows.job(days=50, document_id=document, version=1)
    rows.job("failed", days=40, dismissed=1, document_id=document, version=2)
    rows.add(
        VectorIndex(
            id="better",
            store="s",
            embedder="tiny",
            embedder_name="tiny/1",
            dimensions=1,
            with_words=False,
        )
    )
    with database.read() as session:
        chunks = list(session.execute(sa.select(Chunk.id, Chunk.version)))
    for number, (chunk_id, version) in enumerate(chunks):
        key = f"better/{version}/{number}"
        rows.add(
            Embedding(key=key, vector=b"", created_at=rows.ago(50)),
            ChunkVector(chunk_id=chunk_id, index_id="better", embedding_key=key, indexed=True),
        )

    assert {"chunks": 2, "embeddings": 4} == counted(database)
    assert {"chunks": 2, "embeddings": 4} == removed(database)
    with database.read() as session:
        kept = session.scalars(sa.select(ChunkVector.embedding_key)).all()
        named = session.scalars(sa.select(Embedding.key).where(Embedding.key.in_(kept))).all()
    assert (2, 2) == (len(kept), len(named))


def test_results_of_a_job_that_can_be_retried_stay(rows: Rows, database: Database) -> None:
    """What an attempt paid for is kept as long as the job can go on from it."""

    document = rows.document(published=None)
    rows.job("cancelled", days=5, document_id=document, version=1)
    rows.add(Embedding(key="paid", vector=b"", created_at=rows.ago(5.5)))

    assert {} == removed(database)


def test_sentence_for_each_stray_version(rows: Rows, database: Database) -> None:
    """Each version of a document that is a stray is told of in words."""

    document = rows.document(published=1, latest=2)
    rows.version(document, 2, chunks=3, pages=0)
    with database.read() as session:
        sentences = cleanup.sentences(session, OLD, limit=100)

    assert [
        f"Document {document} has 3 passages of version 2, which was never published and will "
        "not be."
    ] == sentences


def test_stray_file_goes(rows: Rows, database: Database, blobs: BlobStore, tmp_path: Path) -> None:
    """An old file that no document refers to is removed, once."""

    used = stored(blobs, tmp_path, b"used", age=timedelta(days=1))
    stray = stored(blobs, tmp_path, b"stray", age=timedelta(days=1))
    rows.document(content_hash=used)

    assert [stray] == list(cleanup.stray_files(database, blobs, real_now()))
    assert [f"No document refers to the stored file {stray}."] == files_removed(
        database, blobs, real_now()
    )
    assert (True, False) == (blobs.exists(used), blobs.exists(stray))
    assert [] == files_removed(database, blobs, real_now())


def test_file_of_an_upload_under_way_stays(
    rows: Rows, database: Database, blobs: BlobStore, tmp_path: Path
) -> None:
    """A file that was stored just now, and has no row yet, is not touched."""

    arriving = stored(blobs, tmp_path, b"arriving", age=timedelta(minutes=59))

    assert [] == files_removed(database, blobs, real_now())
    assert blobs.exists(arriving)


def test_file_that_gets_its_document_stays(
    rows: Rows, database: Database, blobs: BlobStore, tmp_path: Path
) -> None:
    """A removal waits for an upload that holds the file's lock, and then leaves the file."""

    old = stored(blobs, tmp_path, b"again", age=timedelta(days=1))
    document = rows.document()
    with ThreadPoolExecutor(1) as threads:
        with database.write() as session:
            database.lock(session, f"file:{old}")
            session.get_one(Document, document).content_hash = old
            session.flush()
            removal = threads.submit(cleanup.remove_file, database, blobs, old, note=no_note)
        count = removal.result()

    assert 0 == count
    assert blobs.exists(old)
