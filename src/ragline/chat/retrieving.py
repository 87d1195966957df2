"""From a question to the passages to answer from: rewritten, routed, searched, searched again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa
from pydantic import TypeAdapter

from ragline.bootstrap import Runtime
from ragline.chat.question import Question
from ragline.chat.reranking import Reranking, reach_of
from ragline.chat.sources import Source, source_of
from ragline.errors import NotFound
from ragline.models import Project
from ragline.providers.contracts import Filter
from ragline.search.across import Ranked, best_hits, rank, standings
from ragline.search.schemas import AttributeFilter

ENOUGH_NEAR = 3
"""With fewer near passages than this, the question is asked in other words too."""
OTHER_WORDS = 0.95
"""Part of its score that a passage keeps which other words found."""
_FILTER: TypeAdapter[AttributeFilter] = TypeAdapter(AttributeFilter)

Rewriting = Callable[[bool], Sequence[str]]
"""Returns searches for the question; with True also such in other words, after the first."""


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What was found, best first, the searches that found it, and the projects that were asked."""

    sources: Sequence[Source]
    queries: tuple[str, ...]
    projects: tuple[str, ...]


def retrieve(
    runtime: Runtime,
    tenant_id: str,
    question: Question,
    rewriting: Rewriting,
    *,
    reranking: Reranking | None = None,
) -> Retrieval:
    """Return the best passages for a question that may lean on what was said before.

    Given a reranking and where there is a reranker, more of them are read again, and have its
    scores.

    Raises `NotFound` where none of its projects is left.
    """
    projects = living(runtime, tenant_id, question.projects)
    if not projects:
        raise NotFound("The projects of this question were deleted; there is nothing to search.")
    if not any(project.languages for project in projects):
        return Retrieval([], (question.text,), ())
    query = rewriting(False)[0]
    reach = question.limit if reranking is None else reach_of(runtime, question.limit)
    best = _search(runtime, projects, question, query, reach)
    queries: tuple[str, ...] = (query,)
    if _is_thin(question, best):
        others = [each for each in rewriting(True) if each != query]
        queries = (query, *others)
        for other in others:
            for project_id, sources in _search(runtime, projects, question, other, reach).items():
                known = best.setdefault(project_id, {})
                for source in sources.values():
                    _add(known, replace(source, score=OTHER_WORDS * source.score))
    merged = [source for sources in best.values() for source in sources.values()]
    good = [source for source in merged if source.score >= question.least_score]
    ordered = sorted(good, key=lambda source: (-source.score, source.chunk_id))
    if reranking is not None and runtime.reranker is not None and ordered:
        ordered = list(reranking(query, ordered[:reach]))
    return Retrieval(ordered[: question.limit], queries, tuple(best))


def living(runtime: Runtime, tenant_id: str, project_ids: Sequence[str]) -> list[Project]:
    """Return the projects of the tenant that are still there, in their order."""
    values = {"project_ids": list(project_ids), "tenant_id": tenant_id}
    with runtime.database.read() as session:
        known = {project.id: project for project in session.scalars(_LIVING, values)}
    return [known[id] for id in project_ids if id in known]


def ranked_by(
    runtime: Runtime, projects: Sequence[Project], query: str, question: Question, *, limit: int
) -> Ranked:
    """Return what each project gives for a search in the question's way, on one scale."""
    return rank(
        runtime,
        projects,
        query,
        # Some may belong to versions that are not published.
        limit=2 * limit,
        mode=question.mode,
        filter=_filter(question),
    )


def _search(
    runtime: Runtime, projects: Sequence[Project], question: Question, query: str, reach: int
) -> dict[str, dict[str, Source]]:
    """Return the best passages by their ids, by project, of those best asked."""
    ranked = ranked_by(runtime, projects, query, question, limit=reach)
    if len(projects) > 1:
        known = standings(runtime, projects, query, ranked)
        ranked = {each.project.id: ranked[each.project.id] for each in known if each.chosen}
    best: dict[str, dict[str, Source]] = {project_id: {} for project_id in ranked}
    for project_id, hit in best_hits(runtime, ranked, limit=reach):
        best[project_id][hit.chunk_id] = source_of(hit)
    return best


def _add(known: dict[str, Source], source: Source) -> None:
    """Add a passage, or the better score of one that is there."""
    there = known.get(source.chunk_id)
    if there is None or there.score < source.score:
        known[source.chunk_id] = source


def _is_thin(question: Question, best: dict[str, dict[str, Source]]) -> bool:
    """Tell whether other words may find what is nearer than what was found."""
    found = [source.score for sources in best.values() for source in sources.values()]
    scores = sorted(found, reverse=True)[: question.limit]
    if sum(score >= question.near for score in scores) >= ENOUGH_NEAR:
        return False
    # What a search for meaning did not fill has nothing left to find.
    return question.mode == "lexical" or len(scores) >= question.limit


def _filter(question: Question) -> Filter | None:
    if question.filter is None:
        return None
    return _FILTER.validate_python(question.filter).to_filter()


_LIVING = sa.select(Project).where(
    Project.id.in_(sa.bindparam("project_ids", expanding=True)),
    Project.tenant_id == sa.bindparam("tenant_id"),
    Project.deleted_at.is_(None),
)
