"""What may be wished of a search beyond its question."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refining:
    """What is done with ranked passages before they are shown.

    `rerank` of None means where there is a reranker; `min_score` of None the server's own.
    """

    rerank: bool | None = None
    min_score: float | None = None
    diversity: float = 0.0
    merge: bool = False


AS_RANKED = Refining()
