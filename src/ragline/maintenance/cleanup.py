"""Strays that a crash can leave: rows and files that nothing refers to.

Nobody sees any of them; they only take room. What might still become part of a document is no
stray: the versions of open jobs, and of those that can be retried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from ragline.blobs import BlobStore
from ragline.database import Database
from ragline.ingestion.files import in_use
from ragline.ingestion.results import CACHES
from ragline.maintenance.retention import Moments, due_job, is_not
from ragline.maintenance.rules import BATCH, Condition, Note, Removed, Rule, rule_of
from ragline.models import (
    Chunk,
    ChunkVector,
    Document,
    DocumentVersion,
    Embedding,
    Job,
    LeftResult,
    Page,
    PageText,
    StoreFile,
    TidiedText,
    UploadedFile,
)

# An upload stores its file before its row; none takes an hour from one to the other.
FILES_AGE = timedelta(hours=1)
# A step that was late may still write for a moment after its job has ended.
VERSIONS_AGE = timedelta(hours=1)
CACHE_AGE = timedelta(days=1)


def rules(session: Session, old: Moments) -> list[Rule]:
    """Return the rules of stray rows: versions before the cached results only they use."""
    return [
        *_rules_of_files(old),
        rule_of(
            "document_versions", DocumentVersion, (DocumentVersion.job_id,), _stray_description()
        ),
        rule_of("chunks", Chunk, (Chunk.id,), _stray(Chunk, old)),
        rule_of("pages", Page, (Page.document_id, Page.version, Page.number), _stray(Page, old)),
        *_rules_of_results(session, old),
        rule_of(
            "left_results",
            LeftResult,
            (LeftResult.document_id, LeftResult.cache, LeftResult.key),
            _names_nothing(),
        ),
    ]


def _rules_of_files(old: Moments) -> list[Rule]:
    """Return the rules of OpenAI's files: a file's place in a project goes before the file."""
    placed, document = aliased(StoreFile), aliased(Document)
    return [
        rule_of(
            "store_files",
            StoreFile,
            (StoreFile.project_id, StoreFile.file_id),
            sa.and_(
                StoreFile.document_id.is_not(None),
                ~sa.exists().where(document.id == StoreFile.document_id),
            ),
        ),
        rule_of(
            "uploaded_files",
            UploadedFile,
            (UploadedFile.id,),
            sa.and_(
                UploadedFile.expires_at < old.now,
                ~sa.exists().where(placed.file_id == UploadedFile.id),
            ),
        ),
    ]


def _rules_of_results(session: Session, old: Moments) -> list[Rule]:
    """Return the rules of what was read, embedded or repaired for versions that are gone."""
    chunk, page = aliased(Chunk), aliased(Page)
    needed = _needed_since(session, old)

    def rule(
        table: type[Embedding] | type[PageText] | type[TidiedText],
        *used: Condition,
        further: Condition | None = None,
    ) -> Rule:
        nobody = _paid_for_nobody(table, old, needed)
        strays = sa.and_(nobody, ~sa.exists().where(*used))
        if further is not None:
            strays = sa.and_(strays, ~further)
        return rule_of(table.__tablename__, table, (table.key,), strays)

    kept_chunk = ~_stray(chunk, old, among=Chunk)
    return [
        rule(
            Embedding,
            chunk.embedding_key == Embedding.key,
            kept_chunk,
            further=sa.exists().where(
                ChunkVector.embedding_key == Embedding.key,
                ChunkVector.chunk_id == chunk.id,
                kept_chunk,
            ),
        ),
        rule(PageText, page.text_key == PageText.key, ~_stray(page, old, among=Page)),
        rule(TidiedText, chunk.cleaning_key == TidiedText.key, kept_chunk),
    ]


def sentences(session: Session, old: Moments, *, limit: int) -> list[str]:
    """Return a sentence for each version whose chunks or pages are strays."""
    found: list[str] = []
    for table, word in ((Chunk, "passages"), (Page, "pages")):
        rows = session.execute(
            sa.select(table.document_id, table.version, sa.func.count())
            .where(_stray(table, old))
            .group_by(table.document_id, table.version)
            .order_by(table.document_id, table.version)
            .limit(limit)
        )
        found += [
            f"Document {document_id} has {count} {word} of version {version}, which was never "
            "published and will not be."
            for document_id, version, count in rows
        ]
    return found[:limit]


def stray_files(database: Database, blobs: BlobStore, now: datetime) -> Iterator[str]:
    """Go through the hashes of stored files that nothing refers to."""
    stored = iter(blobs.hashes(older_than=now - FILES_AGE))
    while some := list(islice(stored, BATCH)):
        with database.read() as session:
            used = in_use(session, some)
        yield from (each for each in some if each not in used)


def remove_file(database: Database, blobs: BlobStore, content_hash: str, *, note: Note) -> int:
    """Remove a file unless something refers to it by now; return the number of files removed.

    An upload of the same content looks for its file under the same lock, so it either keeps
    this one or stores it again.
    """
    with database.write() as session:
        database.lock(session, f"file:{content_hash}")
        if in_use(session, [content_hash]) or not blobs.delete(content_hash):
            return 0
        note(session, "files", Removed(1))
    return 1


def remove_files(
    database: Database,
    blobs: BlobStore,
    now: datetime,
    *,
    note: Note,
    pause: Callable[[], None] = lambda: None,
) -> list[str]:
    """Remove stray files and return a sentence for each."""
    removed = []
    for content_hash in stray_files(database, blobs, now):
        if remove_file(database, blobs, content_hash, note=note):
            removed.append(sentence_of_file(content_hash))
        pause()
    return removed


def sentence_of_file(content_hash: str) -> str:
    """Return what is wrong with a stray file."""
    return f"No document refers to the stored file {content_hash}."


def _stray(row: Any, old: Moments, *, among: Any = None) -> Condition:
    """A row of a version that is not published, nor built, nor ever to be built again.

    Versions are judged one by one, not their rows: there are few that are not published.
    """
    rows, document = aliased(among or row), aliased(Document)
    version = (
        sa.select(rows.document_id, rows.version)
        .join(document, document.id == rows.document_id)
        .where(rows.version.is_distinct_from(document.published_version))
        .distinct()
        .correlate(None)
        .subquery()
    )
    strays = sa.select(version).where(~_wanted(version, old)).correlate(None)
    return sa.tuple_(row.document_id, row.version).in_(strays)


def _wanted(version: sa.Subquery, old: Moments) -> Condition:
    """A version that is built, or that an attempt may yet begin from.

    A retry builds a version of its own from those before it, so that all of them are kept
    while their document's job is open or can be retried.
    """
    job, later = aliased(Job), aliased(Job)
    replaced = sa.exists().where(
        later.document_id == job.document_id, later.kind == job.kind, later.version > job.version
    )
    # A document without a single passage is not published; its pages tell why.
    shown = sa.and_(job.outcome == "completed", job.version == version.c.version)
    return sa.exists().where(
        job.document_id == version.c.document_id,
        sa.or_(
            job.outcome.is_(None),
            job.finished_at > old.now - VERSIONS_AGE,
            sa.and_(sa.or_(_retriable(job, old), shown), ~replaced),
        ),
        is_not(due_job(job, old)),
    )


def _retriable(job: Any, old: Moments) -> Condition:
    """A job whose steps are kept: a retry would not do again what they did."""
    given_up = sa.and_(job.dismissed_at.is_not(None), job.finished_at < old.events)
    return sa.or_(job.outcome == "cancelled", sa.and_(job.outcome == "failed", ~given_up))


def _stray_description() -> Condition:
    """What a job was to make of a document, and will not: it has ended, and another came after.

    Without its job nobody would build it.
    """
    job, document = aliased(Job), aliased(Document)
    is_wanted = (
        sa.exists()
        .where(job.id == DocumentVersion.job_id, document.id == DocumentVersion.document_id)
        .where(sa.or_(job.outcome.is_(None), job.version == document.latest_version))
    )
    return ~is_wanted


def _names_nothing() -> Condition:
    """The name of a cached result that is gone."""
    kept = [
        sa.and_(LeftResult.cache == each.name, sa.exists().where(each.table.key == LeftResult.key))
        for each in CACHES
    ]
    return ~sa.or_(*kept)


Period = tuple[datetime, datetime]


def _needed_since(session: Session, old: Moments) -> list[Period]:
    """Return when work was done that may yet be gone on from, in days that are put together."""
    job, document = aliased(Job), aliased(Document)
    query = (
        sa.select(job.created_at, job.finished_at)
        .join(document, document.id == job.document_id)
        .where(sa.or_(job.outcome.is_(None), _retriable(job, old)), is_not(due_job(job, old)))
        .order_by(job.created_at)
    )
    periods: list[Period] = []
    for began, ended in session.execute(query):
        until = ended or old.now
        if periods and began - periods[-1][1] < timedelta(days=1):
            periods[-1] = periods[-1][0], max(until, periods[-1][1])
        else:
            periods.append((began, until))
    return periods


def _paid_for_nobody(
    cache: type[Embedding] | type[PageText] | type[TidiedText], old: Moments, needed: list[Period]
) -> Condition:
    """A cached result older than a day that was not paid for by a job that may yet need it."""
    paid = [cache.created_at.between(began, ended) for began, ended in needed]
    return sa.and_(cache.created_at < old.now - CACHE_AGE, *(~each for each in paid))
