"""What was found, read again by a reranker before it is answered from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ragline.bootstrap import Runtime
from ragline.chat import paid
from ragline.chat.schemas import UsageView
from ragline.chat.sources import Source
from ragline.jobs.turnstile import Turnstile
from ragline.providers.contracts import Reranked
from ragline.search.reranking import CALLS, at_once, rescored

Reranking = Callable[[str, Sequence[Source]], Sequence[Source]]
"""Returns sources for a search in a better order, or as they are where that cannot be told."""


def reach_of(runtime: Runtime, limit: int) -> int:
    """Return how many passages are found where so many are wanted."""
    if runtime.reranker is None:
        return limit
    return max(limit, runtime.settings.reranker_candidates)


def reranked_now(runtime: Runtime, paid_for: list[UsageView]) -> Reranking:
    """Return how sources are read again for someone who waits; what it took is added."""

    def rerank(query: str, sources: Sequence[Source]) -> Sequence[Source]:
        given = rescored(runtime, query, _texts(sources), at_once(runtime), tries=1)
        if given is None:
            return sources
        paid_for.append(_usage(runtime, given))
        return _ordered(sources, given.scores)

    return rerank


def reranked_for_job(runtime: Runtime, job_id: str, turnstile: Turnstile) -> Reranking:
    """Return how a job has sources read again: within limits, more than once, and paid once."""

    def rerank(query: str, sources: Sequence[Source]) -> Sequence[Source]:
        key = paid.key_of(job_id, "reranked", query, [each.chunk_id for each in sources])
        known = paid.kept(runtime, key)
        if known is not None:
            return _ordered(sources, known["scores"])
        given = rescored(runtime, query, _texts(sources), turnstile, tries=CALLS)
        if given is None:
            return sources
        if given.tokens or given.cost:
            result = {"scores": given.scores, "usage": _usage(runtime, given).model_dump()}
            runtime.engine.patiently(paid.keep, runtime, job_id, key, result)
        return _ordered(sources, given.scores)

    return rerank


def _ordered(sources: Sequence[Source], scores: Sequence[float]) -> list[Source]:
    """Return sources by new scores, best first."""
    again = [
        replace(source, score=round(score, 6))
        for source, score in zip(sources, scores, strict=True)
    ]
    return sorted(again, key=lambda source: (-source.score, source.chunk_id))


def _texts(sources: Sequence[Source]) -> list[str]:
    return [f"{source.title}\n{source.text}" for source in sources]


def _usage(runtime: Runtime, given: Reranked) -> UsageView:
    name = runtime.settings.reranker or ""
    return UsageView(
        model=given.model,
        prompt_tokens=given.tokens,
        completion_tokens=0,
        adapter=name,
        cost=given.cost,
    )
