"""Step 4: vectors into the index, then the version is published.

Search returns chunks of published versions only, so whatever is in the index before
the publishing transaction, or stays there after a crash, is invisible.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.database import LOCKED
from ragline.errors import ProviderError, RaglineError
from ragline.failpoints import failpoint
from ragline.indexes.opening import indexes_by_project, of_project, open_index
from ragline.indexes.putting import put_version
from ragline.indexes.texts import indexed_text
from ragline.ingestion import tidying_results
from ragline.ingestion.better_first import index_better_first
from ragline.ingestion.chunk import fit_keys
from ragline.ingestion.content import content_changed
from ragline.ingestion.embed import embed_chunks
from ragline.ingestion.files import lock_contents, remove_file
from ragline.ingestion.replacing import replace
from ragline.ingestion.results import forget_versions
from ragline.ingestion.subject import Subject, load_subject, refuse_outdated
from ragline.jobs import service as jobs
from ragline.language.lexical import lexical_vector_of_passage
from ragline.models import Chunk, Document, Embedding, Job, Page, Project
from ragline.providers.contracts import IndexedChunk
from ragline.references.citing import search_words

UPSERT_CHUNKS = 256
MOST_WARNINGS = 100

log = structlog.get_logger()


def index_and_publish(runtime: Runtime, job_id: str, workflow_id: str) -> int:
    """Make a version searchable and return the number of its passages.

    A second run replaces the vectors by the same ones and finds the job ended.
    """
    subject = load_subject(runtime, job_id)
    fit_keys(runtime, subject)
    # A clean-up may have taken vectors of a retried attempt, which nothing used meanwhile.
    embed_chunks(runtime, job_id)
    about = About(subject.project_id, subject.title, subject.metadata, subject.index_id)
    index_chunks(runtime, subject.document_id, subject.version, about=about)
    index_better_first(runtime, subject)
    failpoint("ingest.indexed")
    count = publish(runtime, subject, workflow_id)
    failpoint("ingest.published")
    if count is None:
        _take_back(runtime, subject)
        return 0
    _remove_older_vectors(runtime, subject)
    return count


class IndexMoved(RaglineError):
    """The project got another index while a version was written into the one before."""

    retryable = True


class About(NamedTuple):
    """What the index is told of a document besides its passages, and which index it is."""

    project_id: str
    title: str
    metadata: dict[str, Any]
    index_id: str | None


def index_chunks(
    runtime: Runtime, document_id: str, version: int, *, about: About | None = None
) -> None:
    """Write the version's vectors; they are durable, and not yet found, when it returns.

    `about` is what the document's row says, unless it is given. In the project's further indexes
    it is those whose embeddings are stored.
    """
    about, after = about or _about(runtime, document_id), -1
    store = open_index(runtime, about.index_id).store
    while chunks := _next_chunks(runtime, document_id, version, after, about):
        store.upsert([point for _, point in chunks])
        after = chunks[-1][0]
    indexes = indexes_by_project(runtime, about.project_id)
    for index in indexes.others if indexes else []:
        if not index.unusable:
            put_version(runtime, index, document_id, version, (about.title, about.metadata))


def publish(runtime: Runtime, subject: Subject, workflow_id: str) -> int | None:
    """Make the version the one that search returns and end the job, in one transaction.

    Returns None, and does nothing, where the job has ended or another attempt took over. Raises
    `Outdated` where a later version was published first, `IndexMoved` where the project is
    searched in another index by now. Files that no version needs any more are removed.
    """
    with runtime.database.write() as session:
        if subject.replaces:
            lock_contents(runtime, session, subject.project_id, [subject.content_hash])
        job = session.get_one(Job, subject.job_id)
        if not jobs.is_current(session, job, workflow_id):
            return None
        document = session.get_one(Document, subject.document_id, with_for_update=LOCKED)
        refuse_outdated(session, subject.document_id, subject.version)
        dropped = replace(session, document, job)
        count = _count(session, Chunk, subject)
        # Without a passage there is nothing to search: the document is read, not searchable.
        document.published_version = subject.version if count else None
        if count:
            _note_language(session, document)
        _remove_older(session, subject)
        content_changed(session, document.project_id)
        _refuse_moved(session, subject)
        jobs.complete(
            session,
            job,
            result={
                "document_id": subject.document_id,
                "pages": _count(session, Page, subject),
                "chunks": count,
                **_cleaning(session, subject, job),
            },
            warnings=[*job.warnings, *_page_warnings(session, subject)],
        )
        failpoint("ingest.publishing")
    log.info("document.published", document_id=subject.document_id, chunks=count)
    failpoint("ingest.replaced")
    _remove_files(runtime, dropped)
    return count


def _refuse_moved(session: Session, subject: Subject) -> None:
    """Raise `IndexMoved` where the version is not in the index that is searched.

    The project's row is locked, by having been changed.
    """
    index_id = session.scalar(sa.select(Project.index_id).where(Project.id == subject.project_id))
    if index_id != subject.index_id:
        raise IndexMoved("The project moved to another index meanwhile; this goes on with that.")


def _cleaning(session: Session, subject: Subject, job: Job) -> dict[str, Any]:
    """Return what became of the passages where a model was to repair them."""
    if (job.inputs or {}).get("clean") is not True:
        return {}
    return {"cleaning": tidying_results.counts(session, subject.document_id, subject.version)}


def _remove_files(runtime: Runtime, hashes: Iterable[str]) -> None:
    """Remove files of versions that are gone; what stays is found by the clean-up."""
    for content_hash in hashes:
        try:
            remove_file(runtime, content_hash)
        except (ProviderError, OSError) as error:
            log.warning("file.left", content_hash=content_hash, error=str(error))


def _take_back(runtime: Runtime, subject: Subject) -> None:
    """Remove the vectors of a version that was not published by this attempt nor another."""
    with runtime.database.read() as session:
        document = session.get(Document, subject.document_id)
        if document is not None and document.published_version == subject.version:
            return
    for index in of_project(runtime, subject.project_id):
        index.store.delete(document_id=subject.document_id, version=subject.version)


def _note_language(session: Session, document: Document) -> None:
    project = session.get_one(Project, document.project_id)
    if document.language in project.languages:
        return
    # Two documents may bring their languages at once.
    session.refresh(project, with_for_update=LOCKED)
    if document.language not in project.languages:
        project.languages = [*project.languages, document.language]


def _remove_older_vectors(runtime: Runtime, subject: Subject) -> None:
    """Remove the vectors of older versions; nobody finds them, so a failure is only noted."""
    if subject.version == 1:
        return
    try:
        for index in of_project(runtime, subject.project_id):
            index.store.delete(document_id=subject.document_id, before=subject.version)
    except ProviderError as error:
        log.warning("vectors.left", document_id=subject.document_id, error=error.message)


def _remove_older(session: Session, subject: Subject) -> None:
    for table in (Chunk, Page):
        older = table.version < subject.version
        forget_versions(session, subject.document_id, older, table)


def _next_chunks(
    runtime: Runtime, document_id: str, version: int, after: int, about: About
) -> list[tuple[int, IndexedChunk]]:
    """Return the next passages as points of the index, each with its ordinal."""
    query = (
        sa.select(Chunk, Embedding.vector)
        .join(Embedding, Embedding.key == Chunk.embedding_key)
        .where(Chunk.document_id == document_id, Chunk.version == version, Chunk.ordinal > after)
        .order_by(Chunk.ordinal)
        .limit(UPSERT_CHUNKS)
    )
    with runtime.database.read() as session:
        rows = session.execute(query).all()
    return [(chunk.ordinal, _point(chunk, vector, about)) for chunk, vector in rows]


def _about(runtime: Runtime, document_id: str) -> About:
    query = sa.select(
        Document.project_id, Document.title, Document.metadata_, Project.index_id
    ).join(Project, Project.id == Document.project_id)
    with runtime.database.read() as session:
        return About(*session.execute(query.where(Document.id == document_id)).one())


def _point(chunk: Chunk, vector: bytes, about: About) -> IndexedChunk:
    return IndexedChunk(
        chunk_id=chunk.id,
        document_id=chunk.document_id,
        project_id=about.project_id,
        version=chunk.version,
        dense=np.frombuffer(vector, dtype="<f4"),
        lexical=lexical_vector_of_passage(
            indexed_text(about.title, chunk.heading, chunk.text),
            chunk.language,
            beside=search_words(about.metadata),
        ),
        metadata=about.metadata,
    )


def _page_warnings(session: Session, subject: Subject) -> list[dict[str, Any]]:
    """Return a warning for each page without text, with the reason if reading it failed."""
    empty = session.execute(
        sa.select(Page.number, Page.failed_engines, Page.unread)
        .where(_version_of(Page, subject), sa.or_(Page.characters == 0, Page.unread.is_not(None)))
        .order_by(Page.number)
    ).all()
    warnings = [_page_warning(*page) for page in empty[:MOST_WARNINGS]]
    if len(empty) > MOST_WARNINGS:
        rest = len(empty) - MOST_WARNINGS
        warnings.append({"code": "page-without-text", "message": f"{rest} more pages have no text"})
    return warnings


def _page_warning(number: int, failed: list[dict[str, str]], unread: str | None) -> dict[str, Any]:
    # An older release notes no more than who failed.
    if unread or (failed and "tries" not in failed[-1]):
        message = f"page {number} could not be read: {unread or failed[-1]['reason']}"
        return {"code": "page-unreadable", "page": number, "message": message}
    return {"code": "page-without-text", "page": number, "message": f"page {number} has no text"}


def _count(session: Session, table: type[Chunk] | type[Page], subject: Subject) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(_version_of(table, subject))
    return session.scalar(query) or 0


def _version_of(table: type[Chunk] | type[Page], subject: Subject) -> sa.ColumnElement[bool]:
    return sa.and_(table.document_id == subject.document_id, table.version == subject.version)
