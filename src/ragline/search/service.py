"""Question to ranked passages."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.models import Chunk, Document
from ragline.providers.contracts import Filter, Match
from ragline.search.retrieval import Mode, find_chunks
from ragline.search.schemas import Hit


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
        owned_project(session, caller.tenant_id, project_id)
        languages = set(
            session.scalars(
                sa.select(Document.language)
                .where(Document.project_id == project_id, Document.published_version.is_not(None))
                .distinct()
            )
        )
    if not languages:
        return []
    # Twice as many as asked for: some may belong to versions that are not published.
    ranked = find_chunks(
        query,
        store=runtime.vector_store,
        embedder=runtime.embedder,
        project_id=project_id,
        passage_languages=languages,
        filter=filter,
        mode=mode,
        limit=2 * limit,
    )
    return _visible(runtime, project_id, ranked, limit)


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
        rows = {chunk.id: (chunk, *rest) for chunk, *rest in session.execute(query)}
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
