"""One ranking over several projects, and which of them a question is best asked of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragline.bootstrap import Runtime
from ragline.indexes.opening import searched
from ragline.language.detect import detect_language
from ragline.language.lexical import lexical_vector_of_query
from ragline.models import Project
from ragline.providers.contracts import Filter, Match, Vectors
from ragline.search.candidates import Candidates, Mode, gather
from ragline.search.ranking import Evidence, nearness
from ragline.search.retrieval import CANDIDATES, ranked
from ragline.search.schemas import Hit
from ragline.search.service import SPARE, visible_hits

TOP = 3
"""Passages whose mean score says how well a project answers."""
DESCRIPTION_WEIGHT = 0.2
CLOSE = 0.75
"""A project whose score is at least this part of the best one's is asked too."""
MOST_CHOSEN = 3

Ranked = Mapping[str, Sequence[Match]]
"""Matches by project, best first, their scores on one scale for all projects."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How near a project is to a question: `score` is made of the other two, all 0 to 1."""

    project: Project
    score: float
    passages: float
    description: float
    chosen: bool


def rank(
    runtime: Runtime,
    projects: Sequence[Project],
    question: str,
    *,
    limit: int,
    mode: Mode = "hybrid",
    filter: Filter | None = None,
) -> Ranked:
    """Return each project's chunks by rank score (0 to 1), as `find_chunks` does for one.

    Scores are comparable over the projects: cosines are absolute, and a lexical score counts
    as a share of the best one of them all.
    """
    language = detect_language(question)
    found = {
        project: _candidates(runtime, project, question, language, mode, filter, limit)
        for project in projects
        if project.languages
    }
    best = max((each.best_lexical for each in found.values()), default=0.0)
    return {
        project.id: ranked(each, mode, Evidence(language, project.languages, best_lexical=best))
        for project, each in found.items()
    }


def standings(
    runtime: Runtime, projects: Sequence[Project], question: str, found: Ranked
) -> list[Standing]:
    """Return how near projects are to a question, best first, and which are to be asked.

    That is the best one with those close behind it, three at most; a project without any
    passage is not asked.
    """
    vector = runtime.embedder.embed_query(question)
    known = [_standing(runtime, each, vector, found.get(each.id, ())) for each in projects]
    known.sort(key=lambda each: (-each.score, each.project.id))
    best = known[0].score if known else 0.0
    return [
        Standing(
            each.project,
            each.score,
            each.passages,
            each.description,
            place < MOST_CHOSEN and each.score >= CLOSE * best and bool(found.get(each.project.id)),
        )
        for place, each in enumerate(known)
    ]


def best_hits(runtime: Runtime, ranked: Ranked, *, limit: int) -> list[tuple[str, Hit]]:
    """Return the best published passages with the ids of their projects, best first."""
    project_of = {match.chunk_id: id for id, matches in ranked.items() for match in matches}
    merged = sorted(
        (match for matches in ranked.values() for match in matches),
        key=lambda match: (-match.score, match.chunk_id),
    )
    hits: list[Hit] = []
    with runtime.database.read() as session:
        while merged and len(hits) < limit:
            some, merged = merged[: limit + SPARE], merged[limit + SPARE :]
            hits += visible_hits(session, list(ranked), some)
    return [(project_of[hit.chunk_id], hit) for hit in hits[:limit]]


def _candidates(
    runtime: Runtime,
    project: Project,
    question: str,
    language: str | None,
    mode: Mode,
    filter: Filter | None,
    limit: int,
) -> Candidates:
    return gather(
        question,
        lexical_vector_of_query(question, language, project.languages),
        indexes=searched(runtime, project),
        project_id=project.id,
        filter=filter,
        mode=mode,
        limit=max(limit, CANDIDATES) if mode == "hybrid" else limit,
    )


def _standing(
    runtime: Runtime, project: Project, vector: Vectors, matches: Sequence[Match]
) -> Standing:
    top = [match.score for match in matches[:TOP]]
    passages = sum(top) / len(top) if top else 0.0
    about = f"{project.name}. {project.description or ''}"
    cosine = float(runtime.embedder.embed_query(about) @ vector)
    description = nearness(cosine, runtime.embedder.calibration)
    score = (1 - DESCRIPTION_WEIGHT) * passages + DESCRIPTION_WEIGHT * description
    return Standing(project, score, passages, description, chosen=False)
