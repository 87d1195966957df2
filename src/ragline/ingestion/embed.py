"""Step 3: passages become vectors, in batches, in child processes or at a service.

A vector is stored under the hash of model and text before anything uses it; a passage
that was ever embedded by this model, in any document, is not embedded again.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.database import insert_missing
from ragline.failpoints import failpoint
from ragline.indexes.embedding import embed_group, groups, paid_embedding
from ragline.indexes.opening import Index, open_index
from ragline.indexes.texts import indexed_text
from ragline.ingestion.subject import Subject, load_subject
from ragline.jobs import service as jobs
from ragline.jobs.costs import note_paid
from ragline.jobs.turnstile import Turnstile, turnstile_of
from ragline.models import Chunk, Embedding

Waiting = tuple[str, str]
"""The key of an embedding that is missing, and the text it is of."""


def embed_chunks(runtime: Runtime, job_id: str) -> int:
    """Store the vectors that are missing; return their number."""
    subject = load_subject(runtime, job_id)
    waiting = _missing(runtime, subject)
    index = open_index(runtime, subject.index_id)
    parts = groups(runtime, index.embedder, [text for _, text in waiting])
    batches = [waiting[part] for part in parts]
    turnstile = turnstile_of(runtime, job_id, subject.workflow_id)
    # Each thread only waits for a child or a service; a large document may use every child.
    with ThreadPoolExecutor(max_workers=runtime.settings.compute_workers) as threads:
        try:
            for _ in threads.map(
                lambda batch: _embed(runtime, subject, index, batch, turnstile), batches
            ):
                pass
        except BaseException:
            # Cancelled, failed or stopping: batches that were not begun are not wanted.
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return len(waiting)


def _missing(runtime: Runtime, subject: Subject) -> list[Waiting]:
    query = (
        sa.select(Chunk.embedding_key, Chunk.heading, Chunk.text)
        .outerjoin(Embedding, Embedding.key == Chunk.embedding_key)
        .where(
            Chunk.document_id == subject.document_id,
            Chunk.version == subject.version,
            Embedding.key.is_(None),
        )
        .order_by(Chunk.ordinal)
    )
    with runtime.database.read() as session:
        found = {
            key: indexed_text(subject.title, heading, text)
            for key, heading, text in session.execute(query)
        }
    return list(found.items())


def _embed(
    runtime: Runtime, subject: Subject, index: Index, batch: list[Waiting], turnstile: Turnstile
) -> None:
    made = embed_group(
        runtime,
        index.spec,
        [text for _, text in batch],
        turnstile,
        owner=subject.owner,
        check=lambda: _check_wanted(runtime, subject),
    )
    for part in made:
        rows = [
            {"key": batch[place][0], "vector": vector.astype("<f4").tobytes()}
            for place, vector in zip(part.places, part.vectors, strict=True)
        ]
        if part.paid is not None:
            provider = index.embedder.provider
            paid = paid_embedding(runtime, subject.job_id, provider, part.paid)
            # A database that is away must not make the step begin anew: it is paid for.
            runtime.engine.patiently(_keep, runtime, subject, rows, paid)
        _advance(runtime, subject, rows)
        failpoint("ingest.embedded")


def _check_wanted(runtime: Runtime, subject: Subject) -> None:
    with runtime.database.read() as session:
        subject.job_in(session)


def _keep(
    runtime: Runtime, subject: Subject, rows: list[dict[str, Any]], paid: dict[str, Any]
) -> None:
    """Keep vectors with what they cost, also where the job has ended meanwhile."""
    with runtime.database.write() as session:
        insert_missing(session, Embedding, rows)
        note_paid(session, subject.job_id, [paid])


def _advance(runtime: Runtime, subject: Subject, rows: list[dict[str, Any]]) -> None:
    with runtime.database.write() as session:
        job = subject.job_in(session)
        insert_missing(session, Embedding, rows)
        jobs.advance(
            session,
            job,
            done=job.progress_done + len(rows),
            total=job.progress_total,
            unit="chunks",
            event="job.progress",
        )
