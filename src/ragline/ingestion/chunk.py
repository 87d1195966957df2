"""Step 2: page texts become passages, repaired, split and numbered.

Splitting is pure Python and busy, so it runs in a child process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.compute.limits import Limits
from ragline.errors import UnreadableFile
from ragline.failpoints import failpoint
from ragline.indexes.opening import open_index
from ragline.indexes.texts import indexed_text, passage_key
from ragline.ingestion.clean import repair_pages
from ragline.ingestion.splitting import Piece, split_pages
from ragline.ingestion.subject import Subject, described, load_subject
from ragline.jobs import service as jobs
from ragline.language.detect import detect_language
from ragline.models import Chunk, Page, PageText, chunk_id

LIMITS = Limits(
    wall_seconds=300,
    cpu_seconds=240,
    memory_bytes=2 * 1024**3,
    open_files=128,
    output_bytes=256 * 1024**2,
)
LANGUAGE_SAMPLE_PIECES = 8


@dataclass(frozen=True, slots=True)
class Split:
    """A document's pieces and its language as an ISO 639-1 code, or None if unsure."""

    pieces: list[Piece]
    language: str | None


def build_chunks(runtime: Runtime, job_id: str) -> int:
    """Write a version's passages and return their number; a second run writes the same rows.

    Raises `UnreadableFile` with the reason where not one page could be read.
    """
    subject = load_subject(runtime, job_id)
    pages = _page_texts(runtime, subject)
    if not pages:
        raise UnreadableFile(_reason(runtime, subject))
    split = runtime.compute.run(split_document, pages, limits=LIMITS, owner=subject.owner)
    rows = [
        {
            "id": chunk_id(subject.document_id, subject.version, ordinal),
            "document_id": subject.document_id,
            "version": subject.version,
            "ordinal": ordinal,
            "text": piece.text,
            "heading": piece.heading,
            "page_start": piece.page_start,
            "page_end": piece.page_end,
            "language": split.language,
            "embedding_key": embedding_key(runtime, subject, piece),
        }
        for ordinal, piece in enumerate(split.pieces)
    ]
    failpoint("ingest.split")
    with runtime.database.write() as session:
        job = subject.job_in(session)
        session.execute(
            sa.delete(Chunk).where(
                Chunk.document_id == subject.document_id, Chunk.version == subject.version
            )
        )
        if rows:
            session.execute(sa.insert(Chunk), rows)
        described(session, subject).language = split.language
        jobs.advance(
            session,
            job,
            done=0,
            total=len(rows),
            unit="chunks",
            event="job.progress",
        )
    failpoint("ingest.chunked")
    return len(rows)


def split_document(pages: Sequence[tuple[int, str]]) -> Split:
    """Return a document's pieces and language; pure, run in a child."""
    pieces = split_pages(repair_pages(pages))
    sample = " ".join(piece.text for piece in pieces[:LANGUAGE_SAMPLE_PIECES])
    return Split(pieces, detect_language(sample))


def embedding_key(runtime: Runtime, subject: Subject, piece: Piece | Chunk) -> str:
    """Return the key of a passage's embedding by the model that its project is searched with."""
    text = indexed_text(subject.title, piece.heading, piece.text)
    index = open_index(runtime, subject.index_id)
    return passage_key(subject.tenant_id, index.embedder.name, text)


def fit_keys(runtime: Runtime, subject: Subject) -> None:
    """Have a version's keys be by that model, where the project got another one meanwhile."""
    chunks = (
        sa.select(Chunk)
        .where(Chunk.document_id == subject.document_id, Chunk.version == subject.version)
        .order_by(Chunk.ordinal)
    )
    with runtime.database.read() as session:
        # All keys are set in one transaction, so that the first one speaks for all of them.
        first = session.scalars(chunks.limit(1)).first()
        if first is None or first.embedding_key == embedding_key(runtime, subject, first):
            return
    with runtime.database.write() as session:
        subject.job_in(session)
        for chunk in session.scalars(chunks):
            chunk.embedding_key = embedding_key(runtime, subject, chunk)


def _reason(runtime: Runtime, subject: Subject) -> str:
    with runtime.database.read() as session:
        failed = session.scalars(
            sa.select(Page.failed_engines)
            .where(Page.document_id == subject.document_id, Page.version == subject.version)
            .order_by(Page.number)
        ).first()
    return str(failed[-1]["reason"]) if failed else "This file has no pages."


def _page_texts(runtime: Runtime, subject: Subject) -> list[tuple[int, str]]:
    with runtime.database.read() as session:
        return [
            (number, text)
            for number, text in session.execute(
                sa.select(Page.number, PageText.text)
                .join(PageText, PageText.key == Page.text_key)
                .where(Page.document_id == subject.document_id, Page.version == subject.version)
                .order_by(Page.number)
            )
        ]
