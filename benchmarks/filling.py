"""A data directory with many chunks, written through models and vector store, past the queue.

Texts are those of the retrieval corpora. The first ones are embedded for real; the rest are
variations of them: some words are exchanged for words of other passages in the same
language, and the vector moves a little in a random direction. Everything but the ids is drawn
from one seed.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from benchmarks.options import test_data
from ragline import bootstrap
from ragline.accounts.service import FIRST_TENANT, ensure_first_key
from ragline.bootstrap import Runtime
from ragline.indexes.embedding import limits_of
from ragline.ingestion.clean import repair_pages
from ragline.ingestion.splitting import Piece, indexed_text, split_pages
from ragline.language.detect import detect_language
from ragline.language.lexical import lexical_vector_of_passage
from ragline.models import Chunk, Document, Embedding, Project, Tenant, chunk_id, new_id
from ragline.providers import tasks
from ragline.providers.contracts import IndexedChunk, Vectors
from ragline.providers.vectorstores.qdrant_edge import QdrantEdgeStore
from ragline.settings import load_settings

CORPORA = ("scifact_train", "cranfield", "piaf_fr_dev500", "xquad_en2en")
SEED = 20261122
EMBED_BATCH = 64
WRITE_DOCUMENTS = 500
EXCHANGED_WORDS = 0.3
# Keeps a cosine of about 0.9 to the passage that was varied.
NOISE = 0.48
SHELVES = 10
YEARS = range(1990, 2030)
FILTER = {
    "type": "and",
    "filters": [
        {"type": "eq", "key": "shelf", "value": "shelf 3"},
        {"type": "gte", "key": "year", "value": 2010},
    ],
}
"""Lets one chunk in twenty pass."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document's content: pieces, and a vector for each."""

    title: str
    language: str | None
    pieces: list[Piece]
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class Filled:
    """What a data directory holds now: one project, in the languages given."""

    project_id: str
    documents: int
    chunks: int
    languages: frozenset[str | None]


def fill(data_dir: Path, chunks: int, base: int) -> Filled:
    """Make a data directory with so many chunks, `base` of them embedded for real."""
    runtime = bootstrap.build(load_settings(_env_file=None, data_dir=data_dir))
    try:
        project = _project(runtime)
        given = sources(runtime, min(base, chunks))
        documents = written = 0
        for group in _groups(_varied(given, chunks)):
            _write(runtime, project, group, first=documents)
            documents += len(group)
            written += sum(len(source.pieces) for source in group)
        if isinstance(runtime.vector_store, QdrantEdgeStore):
            runtime.vector_store.wait_for_index()
    finally:
        runtime.close()
    return Filled(project.id, documents, written, frozenset(each.language for each in given))


def questions(most: int) -> list[str]:
    """Return questions of all corpora in turn."""
    files = [
        _rows(test_data("retrieval") / name / "queries.jsonl") for name in (*CORPORA, "xquad_es2en")
    ]
    return [str(row["text"]) for group in zip_longest(*files) for row in group if row][:most]


def _project(runtime: Runtime) -> Project:
    ensure_first_key(runtime)
    with runtime.database.write() as session:
        tenant = session.scalars(sa.select(Tenant).where(Tenant.name == FIRST_TENANT)).one()
        project = Project(
            id=new_id(), tenant_id=tenant.id, name="benchmark", languages=["en", "fr"]
        )
        session.add(project)
    return project


def sources(runtime: Runtime, most_chunks: int) -> list[Source]:
    """Return documents of the corpora, split as ingestion does, and embedded by both cores."""
    files = [_rows(test_data("retrieval") / name / "corpus.jsonl") for name in CORPORA]
    rows = (row for group in zip_longest(*files) for row in group if row)
    split: list[tuple[str, str | None, list[Piece]]] = []
    left = most_chunks
    for row in rows:
        pages = repair_pages([(1, str(row["text"]))])
        pieces = split_pages(pages)[:left]
        left -= len(pieces)
        if pieces:
            split.append(
                (str(row.get("title") or "untitled"), detect_language(pages[0][1]), pieces)
            )
        if not left:
            break
    texts = [indexed_text(title, p.heading, p.text) for title, _, pieces in split for p in pieces]
    vectors = iter(_embedded(runtime, texts))
    return [Source(*each, np.stack([next(vectors) for _ in each[2]])) for each in split]


def _embedded(runtime: Runtime, texts: Sequence[str]) -> list[Vectors]:
    parts = [texts[start : start + EMBED_BATCH] for start in range(0, len(texts), EMBED_BATCH)]

    def embed(part: Sequence[str]) -> Vectors:
        settings = runtime.settings
        arguments = (settings, settings.own_embedder, part)
        return runtime.compute.run(tasks.embed_passages, *arguments, limits=limits_of(settings))

    with ThreadPoolExecutor(runtime.settings.compute_workers) as threads:
        return [vector for rows in threads.map(embed, parts) for vector in rows]


def _varied(sources: Sequence[Source], chunks: int) -> Iterator[Source]:
    """Yield the sources, then variations of them, until there are enough chunks."""
    draw = np.random.default_rng(SEED)
    words: dict[str | None, list[str]] = defaultdict(list)
    for source in sources:
        words[source.language] += [word for p in source.pieces for word in p.text.split()]
    vocabulary = {language: np.array(each, dtype=object) for language, each in words.items()}
    for cycle in count():
        for source in sources:
            if cycle:
                source = _variation(source, cycle, vocabulary[source.language], draw)
            size = min(len(source.pieces), chunks)
            yield replace(source, pieces=source.pieces[:size], vectors=source.vectors[:size])
            chunks -= size
            if not chunks:
                return


def _variation(
    source: Source, cycle: int, vocabulary: np.ndarray, draw: np.random.Generator
) -> Source:
    noise = draw.standard_normal(source.vectors.shape, dtype=np.float32)
    noise *= NOISE / np.linalg.norm(noise, axis=1, keepdims=True)
    vectors = source.vectors + noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pieces = []
    for piece in source.pieces:
        words = np.array(piece.text.split(), dtype=object)
        exchanged = draw.random(len(words)) < EXCHANGED_WORDS
        words[exchanged] = draw.choice(vocabulary, exchanged.sum())
        pieces.append(replace(piece, text=" ".join(words)))
    return Source(f"{source.title} ({cycle})", source.language, pieces, vectors)


def _groups(sources: Iterator[Source]) -> Iterator[list[Source]]:
    group: list[Source] = []
    for source in sources:
        group.append(source)
        if len(group) == WRITE_DOCUMENTS:
            yield group
            group = []
    if group:
        yield group


def _write(runtime: Runtime, project: Project, sources: Sequence[Source], *, first: int) -> None:
    """Write documents as the workflow leaves them: rows, embeddings and the index."""
    documents, chunks, embeddings, points = [], [], [], []
    for number, source in enumerate(sources, start=first):
        document = _document_row(project, source, number)
        documents.append(document)
        for ordinal, piece in enumerate(source.pieces):
            indexed = indexed_text(source.title, piece.heading, piece.text)
            row = _chunk_row(document["id"], source.language, ordinal, piece, indexed)
            vector = source.vectors[ordinal]
            chunks.append(row)
            embeddings.append(
                {"key": row["embedding_key"], "vector": vector.astype("<f4").tobytes()}
            )
            points.append(
                IndexedChunk(
                    chunk_id=row["id"],
                    document_id=document["id"],
                    project_id=project.id,
                    version=1,
                    dense=vector,
                    lexical=lexical_vector_of_passage(indexed, source.language),
                    metadata=document["metadata_"],
                )
            )
    with runtime.database.write() as session:
        session.execute(sa.insert(Document), documents)
        session.execute(sa.insert(Chunk), chunks)
        session.execute(sa.insert(Embedding).prefix_with("OR IGNORE"), embeddings)
    runtime.vector_store.upsert(points)


def _document_row(project: Project, source: Source, number: int) -> dict[str, Any]:
    text = "\n".join(piece.text for piece in source.pieces).encode()
    return {
        "id": new_id(),
        "tenant_id": project.tenant_id,
        "project_id": project.id,
        "title": source.title[:500],
        "filename": "text.txt",
        "media_type": "text/plain",
        "content_hash": hashlib.sha256(f"{number}\n".encode() + text).hexdigest(),
        "size_bytes": len(text),
        # Independent of each other and of the cycle through the sources.
        "metadata_": {
            "shelf": f"shelf {number % SHELVES}",
            "year": YEARS[number // SHELVES % len(YEARS)],
        },
        "page_count": 1,
        "language": source.language,
        "latest_version": 1,
        "published_version": 1,
    }


def _chunk_row(
    document_id: str, language: str | None, ordinal: int, piece: Piece, indexed: str
) -> dict[str, Any]:
    return {
        "id": chunk_id(document_id, 1, ordinal),
        "document_id": document_id,
        "version": 1,
        "ordinal": ordinal,
        "text": piece.text,
        "heading": piece.heading,
        "page_start": piece.page_start,
        "page_end": piece.page_end,
        "language": language,
        "embedding_key": hashlib.sha256(indexed.encode()).hexdigest(),
    }


def _rows(path: Path) -> list[Mapping[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]
