"""Question to ranked passages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.language.detect import detect_language
from ragline.language.lexical import lexical_vector_of_query
from ragline.models import Chunk, Document, Project
from ragline.providers.contracts import Filter, Match
from ragline.search.ranking import fuse
from ragline.search.schemas import Hit, Mode

# Of each kind of match; a passage found by one kind only is still scored by both.
CANDIDATES = 100


def search_passages(
    runtime: Runtime,
    caller: Caller,
    project_id: str,
    query: str,
    *,
    limit: int,
    mode: Mode = "hybrid",
    filter: Filter | None = None,
) -> list[Hit]:
    """Return the best passages of a project's published documents, best first."""
    with runtime.database.read() as session:
        project = owned_project(session, caller.tenant_id, project_id)
        languages = set(
            session.scalars(
                sa.select(Document.language)
                .where(Document.project_id == project_id, Document.published_version.is_not(None))
                .distinct()
            )
        )
    if not languages:
        return []
    ranked = _ranked(runtime, project, query, languages, max(CANDIDATES, 2 * limit), mode, filter)
    return _visible(runtime, project_id, ranked, limit)


def _ranked(
    runtime: Runtime,
    project: Project,
    query: str,
    languages: Iterable[str | None],
    candidates: int,
    mode: Mode,
    filter: Filter | None,
) -> list[Match]:
    store = runtime.vector_store
    language = detect_language(query) or project.language
    dense: list[Match] = []
    lexical: list[Match] = []
    if mode != "lexical":
        vector = runtime.embedder.embed_query(query)
        dense = store.search_dense(vector, project_id=project.id, filter=filter, limit=candidates)
    if mode != "dense":
        terms = lexical_vector_of_query(query, language, languages)
        lexical = store.search_lexical(
            terms, project_id=project.id, filter=filter, limit=candidates
        )
    if mode == "dense":
        return dense
    if mode == "lexical":
        return lexical
    found = {match.chunk_id for match in dense}
    unscored = [match.chunk_id for match in lexical if match.chunk_id not in found]
    return fuse(
        dense,
        lexical,
        store.similarities(vector, unscored),
        runtime.embedder.calibration,
        same_language=language is None or language in set(languages) or None in set(languages),
    )


def _visible(runtime: Runtime, project_id: str, ranked: Sequence[Match], limit: int) -> list[Hit]:
    """Keep what is published, in order; what the index holds beyond that is nobody's."""
    query = (
        sa.select(Chunk, Document.title, Document.metadata_)
        .join(Document, Document.id == Chunk.document_id)
        .where(
            Chunk.id.in_([match.chunk_id for match in ranked]),
            Chunk.version == Document.published_version,
            Document.project_id == project_id,
        )
    )
    with runtime.database.read() as session:
        rows = {chunk.id: (chunk, *rest) for chunk, *rest in session.execute(query).tuples()}
    hits: list[Hit] = []
    for match in ranked:
        if match.chunk_id in rows and len(hits) < limit:
            chunk, title, metadata = rows[match.chunk_id]
            hits.append(
                Hit(
                    score=round(match.score, 6),
                    text=chunk.text,
                    document_id=chunk.document_id,
                    chunk_id=chunk.id,
                    title=title,
                    page_start=chunk.page_start,
                    page_end=chunk.page_end,
                    metadata=metadata,
                )
            )
    return hits
