"""Question to ranked passages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.models import Chunk, Document
from ragline.providers.contracts import Filter, Match
from ragline.references.citing import brief
from ragline.search.retrieval import Mode, find_chunks
from ragline.search.schemas import CitedWork, Hit

SPARE = 5


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
    if not project.languages:
        return []
    # Twice as many as asked for: some may belong to versions that are not published.
    ranked = find_chunks(
        query,
        store=runtime.vector_store,
        embedder=runtime.embedder,
        project_id=project_id,
        passage_languages=project.languages,
        filter=filter,
        mode=mode,
        limit=2 * limit,
    )
    hits: list[Hit] = []
    with runtime.database.read() as session:
        # Most are visible, so a few more than are missing will do; their texts cost most.
        while ranked and len(hits) < limit:
            some, ranked = ranked[: limit + SPARE], ranked[limit + SPARE :]
            hits += visible_hits(session, [project_id], some)
    return hits[:limit]


# The columns of a hit; what the index holds beyond published versions is nobody's.
_VISIBLE = (
    sa.select(
        Chunk.id,
        Chunk.text,
        Chunk.document_id,
        Document.title,
        Chunk.page_start,
        Chunk.page_end,
        Document.metadata_.label("metadata"),
    )
    .join(Document, Document.id == Chunk.document_id)
    .where(
        Chunk.id.in_(sa.bindparam("chunk_ids", expanding=True)),
        Chunk.version == Document.published_version,
        Document.project_id.in_(sa.bindparam("project_ids", expanding=True)),
    )
)


def visible_hits(
    session: Session, project_ids: Sequence[str], matches: Sequence[Match]
) -> list[Hit]:
    """Return the matches that are published in these projects, in order."""
    chunk_ids = [match.chunk_id for match in matches]
    found = session.execute(_VISIBLE, {"chunk_ids": chunk_ids, "project_ids": project_ids})
    rows = {row.id: row for row in found}
    return [_hit(match, rows[match.chunk_id]) for match in matches if match.chunk_id in rows]


def _hit(match: Match, row: sa.Row[Any]) -> Hit:
    return Hit(
        score=round(match.score, 6),
        text=row.text,
        document_id=row.document_id,
        chunk_id=row.id,
        title=row.title,
        page_start=row.page_start,
        page_end=row.page_end,
        # The whole description of a work is the document's; a hit says what a citation needs.
        metadata={key: value for key, value in row.metadata.items() if key != "csl"},
        reference=work_of(row.metadata),
    )


def work_of(metadata: Mapping[str, Any]) -> CitedWork | None:
    """Return what a citation says of the work that a document is, if it is one."""
    told = brief(metadata)
    return CitedWork(**told) if told else None
