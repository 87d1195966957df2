"""How fast each vector store writes and searches: the same chunks, one caller, no HTTP.

The chunks are those that `filling` makes, all in one project. PostgreSQL is started for the
run, with its defaults, on this machine; the embedded store runs in the process.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import sqlalchemy as sa
from pydantic import TypeAdapter
from tests.postgres import running

from benchmarks import filling, options
from benchmarks.filling import FILTER
from benchmarks.load import Sample
from benchmarks.report import Report
from ragline.database import Database
from ragline.ingestion.index import UPSERT_CHUNKS
from ragline.ingestion.splitting import indexed_text
from ragline.language.detect import detect_language
from ragline.language.lexical import lexical_vector_of_passage, lexical_vector_of_query
from ragline.models import Chunk, Document, Embedding
from ragline.providers import registry
from ragline.providers.contracts import Embedder, IndexedChunk, VectorStore
from ragline.search.retrieval import CANDIDATES
from ragline.search.schemas import AttributeFilter
from ragline.settings import Settings, load_settings

WARM_UP = 20


@dataclass(frozen=True, slots=True)
class Work:
    """What every store is given: chunks, and questions as both kinds of vector."""

    project_id: str
    chunks: list[IndexedChunk]
    asked: list[tuple[Any, Any]]
    dimensions: int


def main() -> None:
    """Make the chunks once, then measure each store."""
    given = _options()
    report = Report("vectorstores", vars(given))
    with options.data_dir(given) as data_dir:
        work = _work(data_dir, given)
        writes, searches = [], []
        for name in given.stores:
            with _opened(name, data_dir.parent / name, work.dimensions) as (store, described):
                writes.append({"store": described, **_write(store, work.chunks)})
                searches += [{"store": name, **row} for row in _searches(store, work)]
        report.table(
            f"Writing {len(work.chunks)} chunks",
            writes,
            f"Calls of {UPSERT_CHUNKS} chunks, each durable when it returns, as ingestion writes.",
        )
        report.table(
            f"Searching {len(work.chunks)} chunks",
            searches,
            f"One project, one caller, {CANDIDATES} candidates, {len(work.asked)} questions. The "
            "filter lets one chunk in twenty pass. Counting is over all projects.",
        )


def _options() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--chunks", type=int, default=10_000)
    parser.add_argument("--base", type=int, default=4_000, help="chunks embedded for real")
    parser.add_argument("--queries", type=int, default=300, help="questions of each search")
    parser.add_argument("--stores", nargs="+", default=["qdrant_edge", "pgvector"])
    return options.parsed(parser, "retrieval")


def _work(data_dir: Path, given: argparse.Namespace) -> Work:
    settings = load_settings(_env_file=None, data_dir=data_dir)
    filled = filling.fill(data_dir, given.chunks, given.base)
    embedder: Embedder = registry.embedder(settings.own_embedder, settings)
    asked = [
        (
            embedder.embed_query(question),
            lexical_vector_of_query(question, detect_language(question), filled.languages),
        )
        for question in filling.questions(given.queries)
    ]
    return Work(filled.project_id, list(_points(settings)), asked, embedder.dimensions)


def _points(settings: Settings) -> Iterator[IndexedChunk]:
    """Yield the chunks of a data directory as points of an index."""
    query = (
        sa.select(Chunk, Embedding.vector, Document)
        .join(Embedding, Embedding.key == Chunk.embedding_key)
        .join(Document, Document.id == Chunk.document_id)
        .order_by(Document.id, Chunk.ordinal)
    )
    database = Database(settings.sqlalchemy_url)
    with database.read() as session:
        for chunk, vector, document in session.execute(query):
            indexed = indexed_text(document.title, chunk.heading, chunk.text)
            yield IndexedChunk(
                chunk_id=chunk.id,
                document_id=document.id,
                project_id=document.project_id,
                version=chunk.version,
                dense=np.frombuffer(vector, dtype="<f4"),
                lexical=lexical_vector_of_passage(indexed, chunk.language),
                metadata=document.metadata_,
            )
    database.close()


@contextmanager
def _opened(name: str, folder: Path, dimensions: int) -> Iterator[tuple[VectorStore, str]]:
    """Give an empty store, and its name with versions."""
    if name != "pgvector":
        settings = load_settings(_env_file=None, data_dir=folder, vector_store=name)
        with _closing(registry.vector_store(name, settings, dimensions=dimensions)) as store:
            yield store, name
        return
    with running(folder, fsync="on") as server:
        url = server.new_database()
        settings = load_settings(_env_file=None, data_dir=folder, database_url=url)
        with _closing(registry.vector_store(name, settings, dimensions=dimensions)) as store:
            yield store, f"pgvector ({_versions(url)})"


@contextmanager
def _closing(store: VectorStore) -> Iterator[VectorStore]:
    try:
        yield store
    finally:
        store.close()


def _versions(url: str) -> str:
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        row = connection.execute(
            "SELECT current_setting('server_version'), extversion FROM pg_extension "
            "WHERE extname = 'vector'"
        ).fetchone()
    assert row is not None, "the store has created the extension"
    return f"PostgreSQL {row[0]}, pgvector {row[1]}, psycopg {version('psycopg')}"


def _write(store: VectorStore, chunks: Sequence[IndexedChunk]) -> dict[str, Any]:
    sample = Sample()
    began = time.perf_counter()
    for start in range(0, len(chunks), UPSERT_CHUNKS):
        at = time.perf_counter()
        store.upsert(chunks[start : start + UPSERT_CHUNKS])
        sample.seconds.append(time.perf_counter() - at)
    sample.wall = time.perf_counter() - began
    p50, p95 = 1000 * np.percentile(sample.seconds, (50, 95))
    rate = len(chunks) / sample.wall
    return {"chunks/s": rate, "p50 ms of a call": float(p50), "p95 ms of a call": float(p95)}


def _searches(store: VectorStore, work: Work) -> Iterator[dict[str, Any]]:
    """Time each kind of search over all questions."""
    condition = TypeAdapter(AttributeFilter).validate_python(FILTER).to_filter()
    plain: dict[str, Any] = {"project_id": work.project_id, "filter": None, "limit": CANDIDATES}
    filtered = plain | {"filter": condition}
    calls: dict[str, Callable[[Any, Any], object]] = {
        "dense": lambda dense, _: store.search_dense(dense, **plain),
        "lexical": lambda _, lexical: store.search_lexical(lexical, **plain),
        "dense, metadata filter": lambda dense, _: store.search_dense(dense, **filtered),
        "lexical, metadata filter": lambda _, lexical: store.search_lexical(lexical, **filtered),
        "count": lambda _dense, _lexical: store.count(),
    }
    for name, call in calls.items():
        yield {"call": name, **_timed(call, work.asked).row()}


def _timed(call: Callable[[Any, Any], object], asked: Sequence[tuple[Any, Any]]) -> Sample:
    sample = Sample()
    for vectors in asked[-WARM_UP:]:
        call(*vectors)
    began = time.perf_counter()
    for vectors in asked:
        at = time.perf_counter()
        call(*vectors)
        sample.seconds.append(time.perf_counter() - at)
    sample.wall = time.perf_counter() - began
    return sample


if __name__ == "__main__":
    main()
