"""The embedded store with many projects: indexes built beside it, speed, what is found, memory.

Vectors are those of real passages, moved a little in random directions; of the words of each
passage some are exchanged for words of others, as terms, since splitting a million texts would
take longer than all else. No HTTP and no database: a search is what the server computes between
them, from the question to ranked passages, in one thread.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import filling, options
from benchmarks.filling import EXCHANGED_WORDS, NOISE, SEED
from benchmarks.load import Sample
from benchmarks.report import Report
from ragline import bootstrap
from ragline.ingestion.splitting import indexed_text
from ragline.language.detect import detect_language
from ragline.language.lexical import lexical_vector_of_passage, lexical_vector_of_query
from ragline.providers import registry
from ragline.providers.contracts import Embedder, IndexedChunk, LexicalVector, VectorStore
from ragline.providers.vectorstores.qdrant_edge import QdrantEdgeStore
from ragline.providers.vectorstores.qdrant_edge_index import Growth
from ragline.search.retrieval import CANDIDATES, find_chunks
from ragline.settings import load_settings

WARM_UP = 20
UPSERT_CHUNKS = 200
CHUNKS_OF_A_DOCUMENT = 20
BEST = 10
LANGUAGES = frozenset({"en", "fr"})
OPENED = """
import sys, psutil
from pathlib import Path
from ragline.providers.vectorstores.qdrant_edge import QdrantEdgeStore
before = psutil.Process().memory_full_info().uss
store = QdrantEdgeStore(Path(sys.argv[1]), int(sys.argv[2]))
held = psutil.Process().memory_full_info()
print((held.uss - before) / 2**20, held.rss / 2**20)
store.close()
"""


@dataclass(frozen=True, slots=True)
class Passage:
    """What is known of a real passage."""

    vector: np.ndarray
    indices: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, slots=True)
class Searched:
    """The store and the model, as searches take them."""

    store: VectorStore
    embedder: Embedder


def main() -> None:
    """Fill a store, have its index built, search in it and compare with all vectors."""
    given = _options()
    report = Report("edge", vars(given))
    with options.data_dir(given) as data_dir:
        passages, embedder = _passages(data_dir, given.base)
        path = data_dir / "measured"
        store = QdrantEdgeStore(path, embedder.dimensions, growth=Growth(0, 0))
        writing, vectors = _write(store, passages, given)
        asked = filling.questions(given.queries)
        before = _searches(Searched(store, embedder), asked, given.projects)
        found_before = _found(store, embedder, vectors, asked)
        store.close()
        building, store = _indexed(path, embedder.dimensions)
        report.table(
            f"Writing {given.projects * given.chunks} chunks of {given.projects} projects",
            [{**writing, **building}],
            f"Calls of {UPSERT_CHUNKS} chunks, each on disk when it returns. The index is built by "
            "one child at the lowest priority; `pause` is the longest time for which a thread "
            "of the server did not get the interpreter meanwhile.",
        )
        after = _searches(Searched(store, embedder), asked, given.projects)
        found = _found(store, embedder, vectors, asked)
        store.close()
        report.table(
            f"Searching in a project of {given.chunks} chunks, {given.projects} such in all",
            [
                *({"index": "none (scan)", **row} for row in before),
                *({"index": "built", **row} for row in after),
            ],
            f"{len(asked)} questions to the projects in turn, {CANDIDATES} candidates of each way "
            f"of searching, one caller. recall@{BEST} against all vectors in full precision: "
            f"{found_before:.3f} without an index, {found:.3f} with it.",
        )
        report.table("Memory of a process that opens it", [_memory(path, embedder, given)])


def _options() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--projects", type=int, default=10)
    parser.add_argument("--chunks", type=int, default=100_000, help="chunks of each project")
    parser.add_argument("--base", type=int, default=4_000, help="chunks embedded for real")
    parser.add_argument("--queries", type=int, default=300, help="questions of each search")
    return options.parsed(parser, "retrieval")


def _passages(data_dir: Path, most: int) -> tuple[list[Passage], Embedder]:
    runtime = bootstrap.build(load_settings(_env_file=None, data_dir=data_dir))
    try:
        passages = []
        for source in filling.sources(runtime, most):
            for piece, vector in zip(source.pieces, source.vectors, strict=True):
                text = indexed_text(source.title, piece.heading, piece.text)
                words = lexical_vector_of_passage(text, source.language)
                indices = np.array(words.indices, dtype=np.uint32)
                passages.append(Passage(vector, indices, np.array(words.values)))
        settings = runtime.settings
    finally:
        runtime.close()
    return passages, registry.embedder(settings.own_embedder, settings)


def _project_id(number: int) -> str:
    return str(uuid.UUID(int=number + 1))


def _chunk_id(project: int, number: int) -> str:
    """Return an id as the product gives them: in no order."""
    return str(uuid.uuid5(uuid.UUID(int=project + 1), str(number)))


def _write(
    store: VectorStore, passages: Sequence[Passage], given: argparse.Namespace
) -> tuple[dict[str, Any], np.ndarray]:
    """Write some of each project in turn; return how fast, and the vectors of the first one."""
    sample, first = Sample(), []
    sources = [
        _varied(passages, project, given.chunks, np.random.default_rng(SEED + project))
        for project in range(given.projects)
    ]
    for _ in range(0, given.chunks, UPSERT_CHUNKS):
        for project, chunks in enumerate(sources):
            part = list(islice(chunks, UPSERT_CHUNKS))
            if project == 0:
                first += [chunk.dense.astype(np.float16) for chunk in part]
            at = time.perf_counter()
            store.upsert(part)
            sample.seconds.append(time.perf_counter() - at)
    seconds = sum(sample.seconds)
    rate = given.projects * given.chunks / seconds
    return {"written, s": seconds, "chunks/s": rate}, np.stack(first)


def _varied(
    passages: Sequence[Passage], project: int, chunks: int, draw: np.random.Generator
) -> Iterator[IndexedChunk]:
    """Yield chunks; the first of the first project are the passages themselves."""
    terms = np.concatenate([each.indices for each in passages])
    for number in range(chunks):
        passage = passages[number % len(passages)]
        vector, indices = passage.vector, passage.indices
        if project or number >= len(passages):
            noise = draw.standard_normal(len(vector), dtype=np.float32)
            vector = vector + NOISE * noise / np.linalg.norm(noise)
            vector = (vector / np.linalg.norm(vector)).astype(np.float32)
            others = terms[draw.integers(len(terms), size=len(indices))]
            indices = np.where(draw.random(len(indices)) < EXCHANGED_WORDS, others, indices)
        words = dict(zip(indices.tolist(), passage.values.tolist(), strict=True))
        yield IndexedChunk(
            chunk_id=_chunk_id(project, number),
            document_id=str(uuid.UUID(int=(project << 64) + number // CHUNKS_OF_A_DOCUMENT)),
            project_id=_project_id(project),
            version=1,
            dense=vector,
            lexical=LexicalVector(tuple(words), tuple(words.values())),
            metadata={},
        )


def _indexed(path: Path, dimensions: int) -> tuple[dict[str, Any], QdrantEdgeStore]:
    """Open the store so that it builds its index, and return when it is there."""
    began = time.perf_counter()
    store = QdrantEdgeStore(path, dimensions, growth=Growth(1, 0.05, settle_seconds=0))
    opened = time.perf_counter()
    pause = 0.0
    while store.is_building:
        at = time.perf_counter()
        time.sleep(0.001)
        pause = max(pause, time.perf_counter() - at)
    seconds = time.perf_counter() - opened
    size = sum(each.stat().st_blocks * 512 for each in path.rglob("*"))
    row = {
        "opened without index, s": opened - began,
        "index built, s": seconds,
        "pause, s": pause,
        "disk, MiB": size / 2**20,
    }
    return row, store


def _searches(searched: Searched, asked: Sequence[str], projects: int) -> list[dict[str, Any]]:
    """Time a search and its parts; each project is asked in turn."""
    store, embedder = searched.store, searched.embedder
    places = [
        {"project_id": _project_id(number % projects), "filter": None, "limit": CANDIDATES}
        for number in range(len(asked))
    ]

    def whole(question: str, project_id: str) -> None:
        find_chunks(question, main=searched, project_id=project_id, passage_languages=LANGUAGES)

    vectors = [embedder.embed_query(question) for question in asked]
    words = [lexical_vector_of_query(each, detect_language(each), LANGUAGES) for each in asked]
    found = [
        [match.chunk_id for match in store.search_lexical(each, **among)]
        for each, among in zip(words, places, strict=True)
    ]
    questions = [(each, among["project_id"]) for each, among in zip(asked, places, strict=True)]
    calls: dict[str, tuple[Callable[[Any], object], Sequence[Any]]] = {
        "question → ranked passages": (lambda each: whole(*each), questions),
        "of which embedding": (embedder.embed_query, asked),
        "dense": (
            lambda each: store.search_dense(each[0], **each[1]),
            list(zip(vectors, places, strict=True)),
        ),
        "lexical": (
            lambda each: store.search_lexical(each[0], **each[1]),
            list(zip(words, places, strict=True)),
        ),
        "cosines of the lexical ones": (
            lambda each: store.similarities(each[0], each[1], project_id=each[2]),
            list(zip(vectors, found, (among["project_id"] for among in places), strict=True)),
        ),
    }
    return [{"call": name, **_timed(*call)} for name, call in calls.items()]


def _timed(call: Callable[[Any], object], arguments: Sequence[Any]) -> dict[str, Any]:
    sample = Sample()
    for argument in arguments[-WARM_UP:]:
        call(argument)
    began, used = time.perf_counter(), time.process_time()
    for argument in arguments:
        at = time.perf_counter()
        call(argument)
        sample.seconds.append(time.perf_counter() - at)
    sample.wall = time.perf_counter() - began
    spent = 1000 * (time.process_time() - used) / len(arguments)
    return {**sample.row(), "CPU ms": spent}


def _found(
    store: VectorStore, embedder: Embedder, vectors: np.ndarray, asked: Sequence[str]
) -> float:
    """Return which share of the nearest of all vectors a search finds."""
    shares = []
    full = vectors.astype(np.float32)
    for question in asked:
        vector = embedder.embed_query(question)
        nearest = np.argpartition(-(full @ vector), BEST)[:BEST]
        best = {_chunk_id(0, int(each)) for each in nearest}
        matches = store.search_dense(
            vector, project_id=_project_id(0), filter=None, limit=CANDIDATES
        )
        shares.append(len(best & {match.chunk_id for match in matches[:BEST]}) / BEST)
    return float(np.mean(shares))


def _memory(path: Path, embedder: Embedder, given: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, "-c", OPENED, str(path), str(embedder.dimensions)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)  # our own script
    own, resident = json.loads(f"[{said.stdout.strip().replace(' ', ',')}]")
    hundred_thousands = given.projects * given.chunks / 100_000
    return {
        "own memory, MiB": own,
        "per 100,000 chunks": own / hundred_thousands,
        "with files the system keeps in memory, MiB": resident,
        "the same per 100,000": resident / hundred_thousands,
    }


if __name__ == "__main__":
    main()
