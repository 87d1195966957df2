"""The passages that an answer rests on: found, and read again by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.models import Chunk, Document
from ragline.search.service import search_passages


@dataclass(frozen=True, slots=True)
class Source:
    """A passage with what a citation of it says; `page` counts from 1."""

    chunk_id: str
    document_id: str
    title: str
    page: int
    text: str
    score: float


Found = Sequence[tuple[str, float]]
"""Ids of passages with their scores, best first."""


def find(
    runtime: Runtime, caller: Caller, project_id: str, question: str, *, limit: int
) -> list[Source]:
    """Return the passages of a project that answer a question best."""
    hits = search_passages(runtime, caller, project_id, question, limit=limit)
    return [
        Source(hit.chunk_id, hit.document_id, hit.title, hit.page_start, hit.text, hit.score)
        for hit in hits
    ]


def read(runtime: Runtime, project_id: str, found: Found) -> list[Source]:
    """Return the passages of these ids, in order; those that were deleted are left out."""
    values = {"chunk_ids": [chunk_id for chunk_id, _ in found], "project_id": project_id}
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
        )
        for chunk_id, score in found
        if chunk_id in rows
    ]


_PASSAGES = (
    sa.select(Chunk.id, Chunk.document_id, Document.title, Chunk.page_start, Chunk.text)
    .join(Document, Document.id == Chunk.document_id)
    .where(
        Chunk.id.in_(sa.bindparam("chunk_ids", expanding=True)),
        Document.project_id == sa.bindparam("project_id"),
    )
)
