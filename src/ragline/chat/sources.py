"""The passages that an answer rests on: as they were found, whatever is published meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.database import insert_missing
from ragline.models import AnswerSource, Chunk, Document, Job, StoredResponse
from ragline.search.schemas import CitedWork, Hit
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


def source_of(hit: Hit) -> Source:
    """Return what a search gave as a source of an answer."""
    return Source(
        hit.chunk_id,
        hit.document_id,
        hit.title,
        hit.page_start,
        hit.text,
        hit.score,
        hit.reference,
    )


def keep(runtime: Runtime, job_id: str, sources: Sequence[Source]) -> None:
    """Keep what a job found until it has its answer; a second run keeps what is there.

    Passages of documents that were deleted meanwhile are not kept.
    """
    if not sources:
        return
    documents = sorted({each.document_id for each in sources})
    with runtime.database.write() as session:
        there = set(session.scalars(_HELD, {"document_ids": documents}))
        rows = [_row(job_id, each) for each in sources if each.document_id in there]
        insert_missing(session, AnswerSource, rows)


def of_job(runtime: Runtime, job: Job, project_ids: Sequence[str], found: Found) -> list[Source]:
    """Return what a job found, in order, without passages of documents that were deleted.

    What was not kept, by a release before, is read from its documents as they are now.
    """
    with runtime.database.read() as session:
        rows = session.scalars(_KEPT, {"of_job": job.id}).all()
        kept = {row.chunk_id for row in rows}
        others = [chunk_id for chunk_id, _ in found if chunk_id not in kept]
        read = _read(session, job.tenant_id, project_ids, others) if others else {}
    known = {**read, **{row.chunk_id: _source(row) for row in rows}}
    return [replace(known[chunk_id], score=score) for chunk_id, score in found if chunk_id in known]


def forget(session: Session, job: Job) -> None:
    """Remove what was kept for a job that has its answer, or whose words are to go.

    A response of OpenAI's interface goes on showing what was found for it.
    """
    if session.scalar(_RESPONSE, {"of_job": job.id}) is None:
        erase(session, job)


def erase(session: Session, job: Job) -> None:
    """Remove what was kept for a job."""
    session.execute(sa.delete(AnswerSource).where(AnswerSource.job_id == job.id))


def _read(
    session: Session, tenant_id: str, project_ids: Sequence[str], chunk_ids: Sequence[str]
) -> Mapping[str, Source]:
    """Return passages of these projects of the tenant, whatever the ids say."""
    values = {"chunk_ids": chunk_ids, "project_ids": list(project_ids), "tenant_id": tenant_id}
    return {
        row.id: Source(
            row.id, row.document_id, row.title, row.page_start, row.text, 0.0, work_of(row.about)
        )
        for row in session.execute(_PASSAGES, values)
    }


def _row(job_id: str, source: Source) -> dict[str, object]:
    work = source.reference
    return {
        "job_id": job_id,
        "chunk_id": source.chunk_id,
        "document_id": source.document_id,
        "title": source.title,
        "page": source.page,
        "text": source.text,
        "reference": work and work.model_dump(mode="json"),
    }


def _source(row: AnswerSource) -> Source:
    work = CitedWork(**row.reference) if row.reference else None
    return Source(row.chunk_id, row.document_id, row.title, row.page, row.text, 0.0, work)


# Held, so that none of them is deleted before its passages are kept.
_HELD = (
    sa.select(Document.id)
    .where(Document.id.in_(sa.bindparam("document_ids", expanding=True)))
    .order_by(Document.id)
    .with_for_update(read=True, key_share=True)
)
_KEPT = sa.select(AnswerSource).where(AnswerSource.job_id == sa.bindparam("of_job"))
_RESPONSE = sa.select(StoredResponse.id).where(StoredResponse.job_id == sa.bindparam("of_job"))
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
