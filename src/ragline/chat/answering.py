"""From passages to a cited answer, by one call to a model."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial

import structlog

from ragline.bootstrap import Runtime
from ragline.chat.citations import checked
from ragline.chat.schemas import ChatAnswer, Citation, UsageView
from ragline.chat.sources import Source
from ragline.jobs.turnstile import Pause, Turnstile
from ragline.providers.contracts import Answer, Ask, Passage, Quote, Rewrite, Turn, Usage
from ragline.providers.prices import cost_of

log = structlog.get_logger()


def stream_from(
    runtime: Runtime, ask: Ask, sources: Sequence[Source], turnstile: Turnstile
) -> Generator[str | ChatAnswer, None, None]:
    """Yield the answer from these sources in pieces, and last as a whole with its citations.

    The passages of `ask` are the sources'. Each model is asked within its provider's limits; a
    quote that stands nowhere is dropped. Raises what `LLM.stream` raises.
    """
    passages = [Passage(title=each.title, text=each.text, score=each.score) for each in sources]
    gate = partial(turnstile.gate, runtime)
    with closing(runtime.llm.stream(replace(ask, passages=passages), gate=gate)) as pieces:
        for piece in pieces:
            if isinstance(piece, str):
                yield piece
            else:
                yield _answer(runtime, piece, sources, passages, turnstile.job_id)


def answer_from(
    runtime: Runtime,
    question: str,
    sources: Sequence[Source],
    *,
    model: str | None,
    pause: Pause,
    job_id: str | None = None,
    on_wait: Callable[[str], None] = lambda _reason: None,
    on_granted: Callable[[], None] = lambda: None,
) -> ChatAnswer:
    """Return the whole answer to a question that stands alone."""
    turnstile = Turnstile(pause, job_id, on_wait, on_granted)
    for piece in stream_from(runtime, Ask(question, model=model), sources, turnstile):
        if isinstance(piece, ChatAnswer):
            return piece
    raise RuntimeError("A stream ended without its answer.")


def rewrite_from(
    runtime: Runtime,
    question: str,
    history: Sequence[Turn],
    turnstile: Turnstile,
    *,
    other_words: bool = False,
    model: str | None = None,
) -> Rewrite:
    """Return searches for a question, each model asked within its provider's limits."""
    gate = partial(turnstile.gate, runtime)
    return runtime.llm.rewrite(question, history, other_words=other_words, model=model, gate=gate)


def usage_view(runtime: Runtime, usage: Usage) -> UsageView:
    """Return what a call took, with its cost by the prices of the settings."""
    return UsageView(
        model=usage.model,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        adapter=usage.adapter,
        cost=cost_of(usage, runtime.settings.token_prices),
    )


def _answer(
    runtime: Runtime,
    given: Answer,
    sources: Sequence[Source],
    passages: Sequence[Passage],
    job_id: str | None,
) -> ChatAnswer:
    quotes, dropped = checked(given.quotes, passages)
    if dropped:
        log.warning("citations.dropped", job_id=job_id, count=dropped)
    return ChatAnswer(
        answer=given.text,
        citations=[_citation(quote, sources[quote.passage]) for quote in quotes],
        usage=usage_view(runtime, given.usage),
        truncated=given.truncated,
    )


def _citation(quote: Quote, source: Source) -> Citation:
    return Citation(
        document_id=source.document_id,
        title=source.title,
        page=source.page,
        quote=quote.text,
        score=source.score,
        reference=source.reference,
    )
