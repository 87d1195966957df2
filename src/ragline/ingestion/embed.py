"""Step 3: passages become vectors, in batches, in child processes.

A vector is stored under the hash of model and text before anything uses it; a passage
that was ever embedded by this model, in any document, is not embedded again.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.compute.limits import Limits
from ragline.database import insert_missing
from ragline.failpoints import failpoint
from ragline.ingestion.splitting import indexed_text
from ragline.ingestion.subject import Subject, load_subject
from ragline.jobs import service as jobs
from ragline.models import Chunk, Embedding
from ragline.providers import tasks

LIMITS = Limits(
    wall_seconds=300,
    cpu_seconds=240,
    memory_bytes=4 * 1024**3,
    open_files=128,
    output_bytes=256 * 1024**2,
)
Waiting = tuple[str, str]
"""The key of an embedding that is missing, and the text it is of."""


def embed_chunks(runtime: Runtime, job_id: str) -> int:
    """Store the vectors that are missing; return their number."""
    subject = load_subject(runtime, job_id)
    waiting = _missing(runtime, subject)
    size = runtime.settings.embed_batch
    batches = [waiting[start : start + size] for start in range(0, len(waiting), size)]
    # Each thread only waits for a child; a large document alone may use every child.
    with ThreadPoolExecutor(max_workers=runtime.settings.compute_workers) as threads:
        try:
            for _ in threads.map(lambda batch: _embed(runtime, subject, batch), batches):
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


def _embed(runtime: Runtime, subject: Subject, batch: list[Waiting]) -> None:
    vectors = runtime.compute.run(
        tasks.embed_passages,
        runtime.settings.embedder,
        [text for _, text in batch],
        limits=LIMITS,
        owner=subject.owner,
    )
    rows = [
        {"key": key, "vector": vector.astype("<f4").tobytes()}
        for (key, _), vector in zip(batch, vectors, strict=True)
    ]
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
    failpoint("ingest.embedded")
