"""The passages that an answer rests on: found, and read again by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.models import Chunk, Document
from ragline.search.schemas import CitedWork
from ragline.search.service import work_of


@dataclass(frozen=True, slots=True)
class Source:
    """A passage with what a citation of it says; `page` counts from 1."""

    chunk_id: str
    document_id: str
    title: str
    page: int
    text: str
    score: float
    reference: CitedWork | None = None


Found = Sequence[tuple[str, float]]
"""Ids of passages with their scores, best first."""


def read(
    runtime: Runtime, tenant_id: str, project_ids: Sequence[str], found: Found
) -> list[Source]:
    """Return the passages of these ids, in order; those that were deleted are left out.

    So are those of another tenant or project, whatever the ids say.
    """
    values = {
        "chunk_ids": [chunk_id for chunk_id, _ in found],
        "project_ids": list(project_ids),
        "tenant_id": tenant_id,
    }
    with runtime.database.read() as session:
        rows = {row.id: row for row in session.execute(_PASSAGES, values)}
    return [
        Source(
            chunk_id,
            rows[chunk_id].document_id,
            rows[chunk_id].title,
            rows[chunk_id].page_start,
            rows[chunk_id].text,
            score,
            work_of(rows[chunk_id].about),
        )
        for chunk_id, score in found
        if chunk_id in rows
    ]


_PASSAGES = (
    sa.select(
        Chunk.id,
        Chunk.document_id,
        Document.title,
        Chunk.page_start,
        Chunk.text,
        Document.metadata_.label("about"),
    )
    .join(Document, Document.id == Chunk.document_id)
    .where(
        Chunk.id.in_(sa.bindparam("chunk_ids", expanding=True)),
        Document.project_id.in_(sa.bindparam("project_ids", expanding=True)),
        Document.tenant_id == sa.bindparam("tenant_id"),
    )
)
