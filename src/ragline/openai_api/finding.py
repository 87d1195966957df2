"""Searches in vector stores: by one question or several, within attributes and above a score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, StrictBool, StrictInt

from ragline.accounts.schemas import CleanText
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.chat.answering import rewrite_from
from ragline.chat.service import LONGEST_WAIT_SECONDS
from ragline.jobs.turnstile import Turnstile, patience
from ragline.openai_api import store_rows
from ragline.openai_api.ids import shown
from ragline.openai_api.schemas import RequestModel
from ragline.openai_api.store_schemas import shown_attributes
from ragline.openai_api.stores import use_store
from ragline.search.options import Refining
from ragline.search.schemas import AttributeFilter, Hit, bounded_filter
from ragline.search.service import search_passages

MOST_QUERIES = 10
MOST_RESULTS = 50


def _queries(given: object) -> object:
    return [given] if isinstance(given, str) else given


Query = Annotated[CleanText, Field(min_length=1, max_length=4000, pattern=r"\S")]


class RankingOptions(RequestModel):
    """How results are ranked: read again by a reranker, where there is one and not with `none`.

    Weaker ones can be left out.
    """

    ranker: Literal["none", "auto", "default-2024-11-15"] = "auto"
    score_threshold: Annotated[float, Field(ge=0, le=1)] = 0.0

    def refining(self) -> Refining:
        """Return what is to be done between ranking and answer."""
        return Refining(
            rerank=False if self.ranker == "none" else None, min_score=self.score_threshold
        )


class StoreSearch(RequestModel):
    """A search in a vector store."""

    query: Annotated[
        list[Query], Field(min_length=1, max_length=MOST_QUERIES), BeforeValidator(_queries)
    ]
    filters: Annotated[AttributeFilter | None, BeforeValidator(bounded_filter)] = None
    max_num_results: Annotated[StrictInt, Field(ge=1, le=MOST_RESULTS)] = 10
    ranking_options: RankingOptions = RankingOptions()
    rewrite_query: StrictBool = False


class TextPart(BaseModel):
    """A passage's text."""

    type: Literal["text"] = "text"
    text: str


class SearchResult(BaseModel):
    """A passage that was found, with its file."""

    file_id: str
    filename: str
    score: float
    attributes: dict[str, Any]
    content: list[TextPart]


class SearchPage(BaseModel):
    """What was found, best first, and what was searched for."""

    object: Literal["vector_store.search_results.page"] = "vector_store.search_results.page"
    search_query: list[str]
    data: list[SearchResult]
    has_more: Literal[False] = False
    next_page: None = None


def search_store(runtime: Runtime, caller: Caller, store_id: str, asked: StoreSearch) -> SearchPage:
    """Return the best passages for any of the queries."""
    project = use_store(runtime, caller, store_id)
    queries = _rewritten(runtime, asked.query) if asked.rewrite_query else asked.query
    best: dict[str, Hit] = {}
    for query in queries:
        found = search_passages(
            runtime,
            caller,
            project.id,
            query,
            limit=asked.max_num_results,
            filter=asked.filters.to_filter() if asked.filters else None,
            refining=asked.ranking_options.refining(),
        )
        for hit in found.hits:
            known = best.get(hit.chunk_id)
            if known is None or known.score < hit.score:
                best[hit.chunk_id] = hit
    ranked = sorted(best.values(), key=lambda hit: (-hit.score, hit.chunk_id))
    hits = ranked[: asked.max_num_results]
    return SearchPage(search_query=list(queries), data=_results(runtime, project.id, hits))


def _rewritten(runtime: Runtime, queries: Sequence[str]) -> list[str]:
    """Return each query as a model would search for it, in other words too."""
    turnstile = Turnstile(patience(LONGEST_WAIT_SECONDS))
    written = [
        each
        for query in queries
        for each in rewrite_from(runtime, query, (), turnstile, other_words=True).queries
    ]
    return list(dict.fromkeys(written))


def _results(runtime: Runtime, project_id: str, hits: Sequence[Hit]) -> list[SearchResult]:
    documents = {hit.document_id for hit in hits}
    with runtime.database.read() as session:
        ids = store_rows.file_ids(session, project_id, documents)
        names = store_rows.filenames(session, documents)
    return [
        SearchResult(
            file_id=shown("file-", ids.get(hit.document_id, hit.document_id)),
            filename=names.get(hit.document_id, hit.title),
            score=hit.score,
            attributes=shown_attributes(hit.metadata),
            content=[TextPart(text=hit.text)],
        )
        for hit in hits
    ]
