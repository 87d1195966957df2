"""From passages to a cited answer, by one call to a model."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import structlog

from ragline.bootstrap import Runtime
from ragline.chat.citations import checked
from ragline.chat.schemas import ChatAnswer, Citation, UsageView
from ragline.chat.sources import Source
from ragline.errors import Overloaded
from ragline.providers.contracts import Passage, Quote

log = structlog.get_logger()

Pause = Callable[[float], None]


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
    """Ask the model within its provider's limits; a quote that stands nowhere is dropped.

    `pause` sleeps while the provider's limits are reached, and ends the waiting by what it
    raises. Raises what `LLM.answer` raises.
    """
    passages = [Passage(title=each.title, text=each.text, score=each.score) for each in sources]
    # Without passages nothing is asked of a provider, so there is nothing to wait for.
    provider = runtime.llm.provider if passages else None
    with runtime.limits.call(provider, job_id=job_id, on_wait=on_wait, pause=pause):
        on_granted()
        given = runtime.llm.answer(question, passages, model=model)
    quotes, dropped = checked(given.quotes, passages)
    if dropped:
        log.warning("citations.dropped", job_id=job_id, count=dropped)
    return ChatAnswer(
        answer=given.text,
        citations=[_citation(quote, sources[quote.passage]) for quote in quotes],
        usage=UsageView(
            model=given.usage.model,
            prompt_tokens=given.usage.prompt_tokens,
            completion_tokens=given.usage.completion_tokens,
        ),
    )


def patience(seconds: float) -> Pause:
    """Return a pause for callers who wait for their answer: `Overloaded` beyond so long in all."""
    deadline = time.monotonic() + seconds

    def pause(wanted: float) -> None:
        if time.monotonic() + wanted > deadline:
            raise Overloaded(
                "The model's provider is called as often as its limits allow. Ask again later, "
                "or send the question with the header 'Prefer: respond-async' as a job that waits.",
                retry_after=wanted,
            )
        time.sleep(wanted)

    return pause


def _citation(quote: Quote, source: Source) -> Citation:
    return Citation(
        document_id=source.document_id,
        title=source.title,
        page=source.page,
        quote=quote.text,
        score=source.score,
    )
