"""One ranking over several projects, and which of them a question is best asked of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragline.bootstrap import Runtime
from ragline.language.detect import detect_language
from ragline.language.lexical import lexical_vector_of_query
from ragline.models import Project
from ragline.providers.contracts import Filter, Match, Vectors
from ragline.search.ranking import fuse, nearness
from ragline.search.retrieval import CANDIDATES, Mode, may_share
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


@dataclass(frozen=True, slots=True)
class _Found:
    """What one project gave, in both ways of searching."""

    project: Project
    dense: Sequence[Match]
    lexical: Sequence[Match]
    same_language: bool


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
    vector = None if mode == "lexical" else runtime.embedder.embed_query(question)
    depth = max(limit, CANDIDATES) if mode == "hybrid" else limit
    found = [
        _find(runtime, project, question, language, vector, mode, filter, depth)
        for project in projects
        if project.languages
    ]
    best = max((match.score for each in found for match in each.lexical), default=0.0)
    return {each.project.id: _ranked(runtime, each, vector, mode, best) for each in found}


def standings(
    runtime: Runtime, projects: Sequence[Project], question: str, ranked: Ranked
) -> list[Standing]:
    """Return how near projects are to a question, best first, and which are to be asked.

    That is the best one with those close behind it, three at most; a project without any
    passage is not asked.
    """
    vector = runtime.embedder.embed_query(question)
    known = [_standing(runtime, each, vector, ranked.get(each.id, ())) for each in projects]
    known.sort(key=lambda each: (-each.score, each.project.id))
    best = known[0].score if known else 0.0
    return [
        Standing(
            each.project,
            each.score,
            each.passages,
            each.description,
            place < MOST_CHOSEN
            and each.score >= CLOSE * best
            and bool(ranked.get(each.project.id)),
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


def _find(
    runtime: Runtime,
    project: Project,
    question: str,
    language: str | None,
    vector: Vectors | None,
    mode: Mode,
    filter: Filter | None,
    limit: int,
) -> _Found:
    store, dense, lexical = runtime.vector_store, list[Match](), list[Match]()
    if vector is not None:
        dense = store.search_dense(vector, project_id=project.id, filter=filter, limit=limit)
    if mode != "dense":
        words = lexical_vector_of_query(question, language, project.languages)
        lexical = store.search_lexical(words, project_id=project.id, filter=filter, limit=limit)
    return _Found(project, dense, lexical, may_share(language, project.languages))


def _ranked(
    runtime: Runtime, found: _Found, vector: Vectors | None, mode: Mode, best: float
) -> list[Match]:
    calibration = runtime.embedder.calibration
    if mode == "lexical":
        return [Match(m.chunk_id, m.document_id, m.score / best) for m in found.lexical]
    if mode == "dense" or vector is None:
        return [
            Match(m.chunk_id, m.document_id, nearness(m.score, calibration)) for m in found.dense
        ]
    near = {match.chunk_id for match in found.dense}
    others = [match.chunk_id for match in found.lexical if match.chunk_id not in near]
    return fuse(
        found.dense,
        found.lexical,
        runtime.vector_store.similarities(vector, others),
        calibration,
        same_language=found.same_language,
        best=best,
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
