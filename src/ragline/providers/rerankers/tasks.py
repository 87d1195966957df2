"""What a compute child runs for rerankers that compute here."""

from __future__ import annotations

from collections.abc import Sequence

from ragline.providers.contracts import Reranked, Reranker


def rerank_here(reranker: Reranker, question: str, passages: Sequence[str]) -> Reranked:
    """Return the scores of passages; weights are loaded at the first call."""
    return reranker.rerank(question, passages)
