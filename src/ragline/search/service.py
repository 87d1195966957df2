"""Question to ranked passages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.indexes.opening import searched
from ragline.models import Chunk, Document
from ragline.providers.contracts import Filter, Match
from ragline.references.citing import brief
from ragline.search.options import AS_RANKED, Refining
from ragline.search.passages import Placed
from ragline.search.refining import near_enough, pool_of, refined
from ragline.search.retrieval import Mode, find_chunks
from ragline.search.schemas import CitedWork, Hit, SearchAnswer

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
    refining: Refining = AS_RANKED,
) -> SearchAnswer:
    """Return the best passages of a project's published documents, best first.

    Each may have been read again by a reranker, too weak ones are left out, those like others
    come later, and neighbours are put together: in this order, as far as `refining` says.
    """
    with runtime.database.read() as session:
        project = owned_project(session, caller.tenant_id, project_id)
    if not project.languages:
        return SearchAnswer(hits=[])
    wanted = pool_of(runtime, refining, limit)
    # Twice as many as asked for: some may belong to versions that are not published.
    main, *better = searched(runtime, project)
    ranked = find_chunks(
        query,
        main=main,
        better=better[0] if better else None,
        project_id=project_id,
        passage_languages=project.languages,
        filter=filter,
        mode=mode,
        limit=2 * wanted,
        heeds_noise=refining.min_score is None and runtime.settings.search_nothing_found,
    )
    near = near_enough(runtime, ranked, refining)
    found = _visible(runtime, project_id, near, limit=wanted)
    return refined(runtime, query, found, refining, limit=limit)


def _visible(
    runtime: Runtime, project_id: str, ranked: Sequence[Match], *, limit: int
) -> list[Placed]:
    """Return the best matches that are published."""
    found: list[Placed] = []
    with runtime.database.read() as session:
        # Most are visible, so a few more than are missing will do; their texts cost most.
        while ranked and len(found) < limit:
            some, ranked = ranked[: limit + SPARE], ranked[limit + SPARE :]
            found += _placed(session, [project_id], some)
    return found[:limit]


# The columns of a hit; what the index holds beyond published versions is nobody's.
_VISIBLE = (
    sa.select(
        Chunk.id,
        Chunk.text,
        Chunk.document_id,
        Document.title,
        Chunk.page_start,
        Chunk.page_end,
        Chunk.ordinal,
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
    return [each.hit for each in _placed(session, project_ids, matches)]


def _placed(session: Session, project_ids: Sequence[str], matches: Sequence[Match]) -> list[Placed]:
    chunk_ids = [match.chunk_id for match in matches]
    found = session.execute(_VISIBLE, {"chunk_ids": chunk_ids, "project_ids": project_ids})
    rows = {row.id: row for row in found}
    return [
        Placed(_hit(match, row), row.ordinal)
        for match in matches
        if (row := rows.get(match.chunk_id)) is not None
    ]


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
        chunk_ids=[row.id],
    )


def work_of(metadata: Mapping[str, Any]) -> CitedWork | None:
    """Return what a citation says of the work that a document is, if it is one."""
    told = brief(metadata)
    return CitedWork(**told) if told else None
