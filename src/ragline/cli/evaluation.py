"""`ragline eval`: how well search finds, on a folder in BEIR layout."""

from __future__ import annotations

import csv
import json
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from ragline.errors import InvalidInput, MissingPackage
from ragline.ingestion.clean import repair_pages
from ragline.ingestion.splitting import indexed_text, split_pages
from ragline.language.detect import detect_language
from ragline.language.lexical import lexical_vector_of_passage
from ragline.providers import registry
from ragline.providers.contracts import Embedder, IndexedChunk, VectorStore
from ragline.search.ranking import best_per_document
from ragline.search.retrieval import Mode, find_chunks

PROJECT = str(uuid.UUID(int=1))
BATCH = 256
RANKED = 100


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was searched and how well: nDCG@10, recall@10 and mean reciprocal rank, 0 to 1."""

    documents: int
    chunks: int
    queries: int
    ndcg_at_10: float
    recall_at_10: float
    mrr: float


@dataclass(frozen=True, slots=True)
class _Passage:
    """A chunk on its way into the index."""

    document_id: str
    ordinal: int
    indexed: str
    language: str | None


def evaluate(folder: Path, *, embedder: str = "use", mode: Mode = "hybrid") -> Evaluation:
    """Index the corpus of a folder in a store of its own, search all queries, and measure.

    The folder holds `corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`, `text`)
    and `qrels.tsv` (query, document, relevance, under a header). Chunks, terms, vectors and
    ranking are those of the server; a document ranks where its best chunk does.

    Raises `MissingPackage` without the extra `eval`, `InvalidInput` for another layout.
    """
    measures = _measures()
    documents = {str(row["_id"]): row for row in _rows(folder / "corpus.jsonl")}
    relevant = _relevances(folder / "qrels.tsv")
    queries = {str(row["_id"]): str(row["text"]) for row in _rows(folder / "queries.jsonl")}
    asked = {query_id: text for query_id, text in queries.items() if query_id in relevant}
    passages = [passage for row in documents.values() for passage in _passages(row)]
    adapter: Embedder = registry.load("ragline.embedders", embedder)()
    with tempfile.TemporaryDirectory() as temporary:
        edge = registry.load("ragline.vectorstores", "qdrant_edge")
        store: VectorStore = edge(Path(temporary) / "index", adapter.dimensions)
        _index(passages, store, adapter)
        run = _search(asked, store, adapter, {p.language for p in passages}, mode)
        store.close()
    return Evaluation(len(documents), len(passages), len(asked), *_scores(measures, relevant, run))


def _passages(row: Mapping[str, Any]) -> Iterator[_Passage]:
    """Yield a document's chunks as ingestion makes them."""
    title, pages = str(row.get("title") or ""), repair_pages([(1, str(row["text"]))])
    document_language = detect_language(pages[0][1])
    for ordinal, piece in enumerate(split_pages(pages)):
        language = detect_language(piece.text) or document_language
        indexed = indexed_text(title, piece.heading, piece.text)
        yield _Passage(str(row["_id"]), ordinal, indexed, language)


def _index(passages: Sequence[_Passage], store: VectorStore, embedder: Embedder) -> None:
    """Embed passages and write them to the store, batch by batch."""
    remaining = iter(passages)
    while batch := list(islice(remaining, BATCH)):
        vectors = embedder.embed_passages([passage.indexed for passage in batch])
        store.upsert(
            [
                IndexedChunk(
                    chunk_id=str(uuid.uuid5(uuid.UUID(int=1), f"{p.document_id}/{p.ordinal}")),
                    document_id=p.document_id,
                    project_id=PROJECT,
                    version=1,
                    dense=vector,
                    lexical=lexical_vector_of_passage(p.indexed, p.language),
                    metadata={},
                )
                for p, vector in zip(batch, vectors, strict=True)
            ]
        )


def _search(
    queries: Mapping[str, str],
    store: VectorStore,
    embedder: Embedder,
    languages: set[str | None],
    mode: Mode,
) -> dict[str, dict[str, float]]:
    """Return the scores of the best documents of each query."""
    run: dict[str, dict[str, float]] = {}
    for query_id, text in queries.items():
        chunks = find_chunks(
            text,
            store=store,
            embedder=embedder,
            project_id=PROJECT,
            passage_languages=languages,
            mode=mode,
        )
        best = best_per_document(chunks)[:RANKED]
        run[query_id] = {match.document_id: match.score for match in best}
    return run


def _scores(
    measures: Any, relevant: Mapping[str, Mapping[str, int]], run: Mapping[str, Mapping[str, float]]
) -> tuple[float, float, float]:
    """Return nDCG@10, recall@10 and mean reciprocal rank."""
    wanted = [measures.nDCG @ 10, measures.R @ 10, measures.RR]
    found = measures.calc_aggregate(wanted, relevant, run)
    return float(found[wanted[0]]), float(found[wanted[1]]), float(found[wanted[2]])


def _measures() -> Any:
    """Return the package that computes the measures, which only this command needs."""
    try:
        return import_module("ir_measures")
    except ModuleNotFoundError as error:
        raise MissingPackage(
            "Evaluation needs the package 'ir-measures'. Install it: pip install 'ragline[eval]'"
        ) from error


def _rows(path: Path) -> Iterable[dict[str, Any]]:
    """Return the objects of a file with one JSON object per line."""
    try:
        with path.open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{path} cannot be read: {error}. The folder must hold corpus.jsonl, queries.jsonl "
            "and qrels.tsv, in BEIR layout."
        ) from error


def _relevances(path: Path) -> dict[str, dict[str, int]]:
    """Return the relevance of documents by query."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.reader(lines, delimiter="\t"))[1:]
        relevant: dict[str, dict[str, int]] = {}
        for query_id, document_id, relevance in rows:
            relevant.setdefault(query_id, {})[document_id] = int(relevance)
        return relevant
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{path} cannot be read: {error}. It must hold query, document and relevance, "
            "separated by tabs, under a header."
        ) from error
