"""Question to cited answer: retrieve, answer, check each citation."""

from __future__ import annotations

import structlog

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.chat.citations import checked
from ragline.chat.schemas import ChatAnswer, Citation, UsageView
from ragline.providers.contracts import Passage, Quote
from ragline.search.schemas import Hit
from ragline.search.service import search_passages

log = structlog.get_logger()


def answer(
    runtime: Runtime,
    caller: Caller,
    project_id: str,
    question: str,
    *,
    limit: int,
    model: str | None = None,
) -> ChatAnswer:
    """Answer from the best passages; a quote that does not stand in its passage is dropped."""
    hits = search_passages(runtime, caller, project_id, question, limit=limit)
    passages = [Passage(title=hit.title, text=hit.text, score=hit.score) for hit in hits]
    given = runtime.llm.answer(question, passages, model=model)
    quotes, dropped = checked(given.quotes, passages)
    if dropped:
        log.warning("citations.dropped", project_id=project_id, count=dropped)
    return ChatAnswer(
        answer=given.text,
        citations=[_citation(quote, hits[quote.passage]) for quote in quotes],
        usage=UsageView(
            model=given.usage.model,
            prompt_tokens=given.usage.prompt_tokens,
            completion_tokens=given.usage.completion_tokens,
        ),
    )


def _citation(quote: Quote, hit: Hit) -> Citation:
    return Citation(
        document_id=hit.document_id,
        title=hit.title,
        page=hit.page_start,
        quote=quote.text,
        score=hit.score,
    )
