"""What happens to passages between their ranking and the answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.models import Chunk, Embedding
from ragline.providers.contracts import Match
from ragline.search.diversity import diverse_order
from ragline.search.options import Refining
from ragline.search.passages import Placed, joined
from ragline.search.reranking import FAILED, NONE_SET, at_once, rescored, text_of
from ragline.search.schemas import SearchAnswer, SearchWarning

POOL = 3
"""How many times as many passages as are wanted take part where some will be left out."""
LARGEST_POOL = 200


def is_reranked(runtime: Runtime, refining: Refining) -> bool:
    """Tell whether the best passages are to be read again."""
    return runtime.reranker is not None and refining.rerank is not False


def pool_of(runtime: Runtime, refining: Refining, limit: int) -> int:
    """Return how many visible passages refining needs for `limit` of them."""
    wanted = limit
    if is_reranked(runtime, refining):
        wanted = max(wanted, runtime.settings.reranker_candidates)
    if refining.diversity or refining.merge:
        wanted = max(wanted, min(POOL * limit, LARGEST_POOL))
    return wanted


def near_enough(runtime: Runtime, ranked: Sequence[Match], refining: Refining) -> Sequence[Match]:
    """Return the matches, best first, that have the least score asked for.

    Where there is a reranker that is the reranker's, which is not known yet.
    """
    least = refining.min_score
    if not least or is_reranked(runtime, refining):
        return ranked
    return [match for match in ranked if round(match.score, 6) >= least]


def refined(
    runtime: Runtime, question: str, found: Sequence[Placed], refining: Refining, *, limit: int
) -> SearchAnswer:
    """Return passages as they are shown: read again, different, put together, in this order."""
    warnings: list[SearchWarning] = []
    if refining.rerank and runtime.reranker is None:
        warnings = [NONE_SET]
    elif found and is_reranked(runtime, refining):
        found, warnings = _reranked(runtime, question, found, refining.min_score or 0.0)
    if refining.diversity:
        found = _diversified(runtime, found, refining.diversity)
    hits = joined(found, limit=limit) if refining.merge else [each.hit for each in found[:limit]]
    return SearchAnswer(hits=hits, warnings=warnings)


def _reranked(
    runtime: Runtime, question: str, found: Sequence[Placed], least: float
) -> tuple[list[Placed], list[SearchWarning]]:
    """Return passages by the reranker's scores, or as they are; without those below the least."""
    first = found[: runtime.settings.reranker_candidates]
    texts = [text_of(each.hit) for each in first]
    given = rescored(runtime, question, texts, at_once(runtime), tries=1)
    if given is None:
        return [each for each in found if each.hit.score >= least], [FAILED]
    scored = [
        Placed(each.hit.model_copy(update={"score": round(score, 6)}), each.ordinal)
        for each, score in zip(first, given.scores, strict=True)
        if score >= least
    ]
    return sorted(scored, key=lambda each: (-each.hit.score, each.hit.chunk_id)), []


def _diversified(runtime: Runtime, found: Sequence[Placed], diversity: float) -> list[Placed]:
    """Return passages with those behind that are like ones before."""
    by_id = {each.hit.chunk_id: each for each in found}
    with runtime.database.read() as session:
        rows = session.execute(_VECTORS, {"chunk_ids": list(by_id)})
        vectors = {id: np.frombuffer(vector, dtype="<f4") for id, vector in rows}
    scores = [(each.hit.chunk_id, each.hit.score) for each in found]
    order = diverse_order(scores, vectors, diversity=diversity, limit=len(found))
    return [by_id[id] for id in order]


_VECTORS = (
    sa.select(Chunk.id, Embedding.vector)
    .join(Embedding, Embedding.key == Chunk.embedding_key)
    .where(Chunk.id.in_(sa.bindparam("chunk_ids", expanding=True)))
)
