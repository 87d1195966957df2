"""`ragline eval`: how well search finds, on collections in BEIR layout, with the server's parts."""

from __future__ import annotations

import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ragline.cli.eval_collections import Collection
from ragline.cli.eval_measures import Measured, measured
from ragline.cli.eval_vectors import embed
from ragline.errors import InvalidInput
from ragline.indexes.texts import indexed_text
from ragline.ingestion.clean import repair_pages
from ragline.ingestion.splitting import split_pages
from ragline.language.detect import detect_language
from ragline.language.lexical import LexicalVector, lexical_vector_of_passage
from ragline.providers import registry
from ragline.providers.contracts import (
    Embedder,
    IndexedChunk,
    Match,
    Reranker,
    Vectors,
    VectorStore,
)
from ragline.search.diversity import diverse_order
from ragline.search.ranking import best_per_document
from ragline.search.retrieval import CANDIDATES, Mode, find_chunks
from ragline.settings import Settings, load_settings
from ragline.settings.embedders import AUTO, FASTEST

PROJECT = str(uuid.UUID(int=1))
BATCH = 256
RANKED = 100
NONE = "none"

Told = Callable[[str, int, int], None]
"""Is told what is under way, how much of it is done, and of how much."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A way of searching: two models, a mode, and what is done with ranked chunks.

    `better` is a spec, `none`, or `auto` for the one that a project in the collection's
    language would get. `chunks` is how many are ranked for a question.
    """

    embedder: str = AUTO
    better: str = AUTO
    mode: Mode = "hybrid"
    rerank: bool = False
    diversity: float = 0.0
    min_score: float = 0.0
    chunks: int = CANDIDATES


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was searched, with which models, and how well each question was answered."""

    collection: str
    documents: int
    chunks: int
    models: tuple[str, ...]
    seconds: float
    rows: Sequence[Measured]


@dataclass(frozen=True, slots=True)
class _Passage:
    """A chunk on its way into the index; `indexed` is what models and words see of it."""

    id: str
    document_id: str
    text: str
    indexed: str
    language: str | None


@dataclass(frozen=True, slots=True)
class _Searched:
    """An index of one model, with the vectors that it holds."""

    store: VectorStore
    embedder: Embedder
    vectors: Mapping[str, Vectors]


def configured(text: str, base: Configuration) -> Configuration:
    """Return a configuration changed as `name=value,…` says; raise `InvalidInput` for others."""
    changes: dict[str, Any] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, has_value, value = part.partition("=")
        if name not in _READ:
            raise InvalidInput(
                f"{part!r} is no part of a configuration. Known ones: {', '.join(sorted(_READ))}, "
                "such as 'embedder=use,better=none,mode=hybrid'."
            )
        try:
            changes[name] = _READ[name](value if has_value else "true")
        except (ValueError, KeyError):
            raise InvalidInput(f"{part!r} has a value that {name} cannot have.") from None
    return replace(base, **changes)


def evaluate(
    collection: Collection,
    configuration: Configuration = Configuration(),
    *,
    settings: Settings | None = None,
    cache: Path | None = None,
    told: Told = lambda *_: None,
) -> Evaluation:
    """Index a collection in stores of its own, search all questions, and measure.

    Chunks, terms, vectors and ranking are those of the server; a document ranks where its best
    chunk does. `cache` is a folder in which vectors are kept for the next time.

    Raises `MissingPackage` without the extra `eval`, `ConfigurationError` for a model that
    cannot work.
    """
    began = time.monotonic()
    with indexed(collection, configuration, settings=settings, cache=cache, told=told) as search:
        run: dict[str, dict[str, float]] = {}
        for done, (query_id, text) in enumerate(collection.queries.items(), start=1):
            run[query_id] = search.documents(text)
            told("questions", done, len(collection.queries))
    return Evaluation(
        collection.name,
        len(collection.documents),
        len(search.texts),
        search.models,
        time.monotonic() - began,
        measured(collection.name, collection.relevances, run, collection.queries),
    )


@contextmanager
def indexed(
    collection: Collection,
    configuration: Configuration,
    *,
    settings: Settings | None = None,
    cache: Path | None = None,
    told: Told = lambda *_: None,
) -> Iterator[Searching]:
    """Give a way to search a collection, indexed in stores that are there as long as the block."""
    settings = settings or load_settings()
    passages = [each for row in collection.documents.values() for each in _passages(row)]
    reranker = _reranker(settings) if configuration.rerank else None
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        searched: list[_Searched] = []
        for spec in _specs(configuration, _language(passages)):
            embedder = registry.embedder(spec, settings)
            stack.callback(embedder.close)
            words = not searched
            vectors = _vectors(embedder, passages, cache, told)
            store = _filled(folder / str(len(searched)), embedder, passages, vectors, words=words)
            stack.callback(store.close)
            searched.append(_Searched(store, embedder, vectors))
        yield Searching(searched, passages, configuration, reranker, settings.reranker_candidates)


class Searching:
    """Searches as the server does, with the documents of chunks as what is found."""

    def __init__(
        self,
        searched: Sequence[_Searched],
        passages: Sequence[_Passage],
        configuration: Configuration,
        reranker: Reranker | None,
        candidates: int,
    ) -> None:
        self._searched = searched
        self._languages = {each.language for each in passages}
        self._configuration = configuration
        self._reranker = reranker
        self._candidates = candidates
        self.texts = {each.id: each.indexed for each in passages}
        self.models = tuple(each.embedder.name for each in searched)

    def documents(self, question: str) -> dict[str, float]:
        """Return the best documents with numbers that fall in their order."""
        best = best_per_document(self.chunks(question))[:RANKED]
        # Measures order by numbers, and equal ones by ids: places are what the order says.
        return {match.document_id: 1.0 / place for place, match in enumerate(best, start=1)}

    def chunks(self, question: str) -> list[Match]:
        """Return chunks as they are shown, best first."""
        configuration = self._configuration
        main, *better = self._searched
        chunks = find_chunks(
            question,
            main=main,
            better=better[0] if better else None,
            project_id=PROJECT,
            passage_languages=self._languages,
            mode=configuration.mode,
            limit=configuration.chunks,
        )[: configuration.chunks]
        if self._reranker is not None:
            chunks = self._reranked(question, chunks)
        chunks = [match for match in chunks if match.score >= configuration.min_score]
        return self._varied(chunks) if configuration.diversity else chunks

    def _reranked(self, question: str, chunks: Sequence[Match]) -> list[Match]:
        assert self._reranker is not None, "asked where there is one"
        first, size = chunks[: self._candidates], self._reranker.passages_per_call
        scores: list[float] = []
        for start in range(0, len(first), size):
            batch = [self.texts[match.chunk_id] for match in first[start : start + size]]
            scores += self._reranker.rerank(question, batch).scores
        again = [
            Match(match.chunk_id, match.document_id, score)
            for match, score in zip(first, scores, strict=True)
        ]
        return sorted(again, key=lambda match: (-match.score, match.chunk_id))

    def _varied(self, chunks: Sequence[Match]) -> list[Match]:
        by_id = {match.chunk_id: match for match in chunks}
        order = diverse_order(
            [(match.chunk_id, match.score) for match in chunks],
            {id: self._searched[0].vectors[id] for id in by_id},
            diversity=self._configuration.diversity,
            limit=len(chunks),
        )
        return [by_id[id] for id in order]


def _passages(row: Mapping[str, Any]) -> Iterator[_Passage]:
    """Yield a document's chunks as ingestion makes them."""
    title, pages = str(row.get("title") or ""), repair_pages([(1, str(row["text"]))])
    document_language = detect_language(pages[0][1])
    for ordinal, piece in enumerate(split_pages(pages)):
        yield _Passage(
            str(uuid.uuid5(uuid.UUID(int=1), f"{row['_id']}/{ordinal}")),
            str(row["_id"]),
            piece.text,
            indexed_text(title, piece.heading, piece.text),
            detect_language(piece.text) or document_language,
        )


def _language(passages: Sequence[_Passage]) -> str | None:
    found = Counter(each.language for each in passages if each.language)
    return found.most_common(1)[0][0] if found else None


def _specs(configuration: Configuration, language: str | None) -> list[str]:
    """Return the models of a configuration, the project's own first."""
    main = FASTEST if configuration.embedder == AUTO else configuration.embedder
    better: str | None = configuration.better
    if better == AUTO:
        # As on a server: only the fast model has a better one beside it.
        better = registry.better_spec(language) if configuration.embedder == AUTO else NONE
    return [main] if better in (None, NONE, main) else [main, str(better)]


def _reranker(settings: Settings) -> Reranker:
    found = registry.reranker(settings)
    if found is None:
        raise InvalidInput("There is no reranker to measure with: set RAGLINE_RERANKER.")
    return found


def _vectors(
    embedder: Embedder, passages: Sequence[_Passage], cache: Path | None, told: Told
) -> dict[str, Vectors]:
    done = 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        told(f"passages by {embedder.name}", done, len(passages))

    rows = embed(embedder, [each.indexed for each in passages], cache=cache, told=tell)
    return {each.id: row for each, row in zip(passages, rows, strict=True)}


def _filled(
    folder: Path,
    embedder: Embedder,
    passages: Sequence[_Passage],
    vectors: Mapping[str, Vectors],
    *,
    words: bool,
) -> VectorStore:
    """Return a store that holds all passages; their words only where these are searched too."""
    store: VectorStore = registry.load("ragline.vectorstores", "qdrant_edge")(
        folder, embedder.dimensions
    )
    for start in range(0, len(passages), BATCH):
        store.upsert(
            [
                _point(each, vectors[each.id], words=words)
                for each in passages[start : start + BATCH]
            ]
        )
    return store


def _point(passage: _Passage, vector: Vectors, *, words: bool) -> IndexedChunk:
    lexical = LexicalVector((), ())
    if words:
        lexical = lexical_vector_of_passage(passage.indexed, passage.language)
    return IndexedChunk(
        chunk_id=passage.id,
        document_id=passage.document_id,
        project_id=PROJECT,
        version=1,
        dense=vector,
        lexical=lexical,
        metadata={},
    )


def _mode(value: str) -> Mode:
    modes: dict[str, Mode] = {"hybrid": "hybrid", "dense": "dense", "lexical": "lexical"}
    return modes[value]


_READ: Mapping[str, Callable[[str], Any]] = {
    "embedder": str,
    "better": str,
    "mode": _mode,
    "rerank": lambda value: {"true": True, "false": False}[value],
    "diversity": float,
    "min_score": float,
    "chunks": int,
}
