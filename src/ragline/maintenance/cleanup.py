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
from ragline.maintenance.retention import Moments, due_jobs
from ragline.maintenance.rules import BATCH, Condition, Note, Removed, Rule, rule_of
from ragline.models import Chunk, Document, Embedding, Job, Page, PageText

# An upload stores its file before its row; none takes an hour from one to the other.
FILES_AGE = timedelta(hours=1)
# A step that was late may still write for a moment after its job has ended.
VERSIONS_AGE = timedelta(hours=1)
CACHE_AGE = timedelta(days=1)


def rules(old: Moments) -> list[Rule]:
    """Return the rules of stray rows: versions before the cached results only they use."""
    chunk, page = aliased(Chunk), aliased(Page)
    return [
        rule_of("chunks", Chunk, (Chunk.id,), _stray(Chunk, old)),
        rule_of("pages", Page, (Page.document_id, Page.version, Page.number), _stray(Page, old)),
        rule_of(
            "embeddings",
            Embedding,
            (Embedding.key,),
            sa.and_(
                _paid_for_nobody(Embedding, old),
                ~sa.exists().where(chunk.embedding_key == Embedding.key, ~_stray(chunk, old)),
            ),
        ),
        rule_of(
            "page_texts",
            PageText,
            (PageText.key,),
            sa.and_(
                _paid_for_nobody(PageText, old),
                ~sa.exists().where(page.text_key == PageText.key, ~_stray(page, old)),
            ),
        ),
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
    """Go through the hashes of stored files that no document refers to."""
    stored = iter(blobs.hashes(older_than=now - FILES_AGE))
    while some := list(islice(stored, BATCH)):
        with database.read() as session:
            used = set(
                session.scalars(
                    sa.select(Document.content_hash).where(Document.content_hash.in_(some))
                )
            )
        yield from (each for each in some if each not in used)


def remove_file(database: Database, blobs: BlobStore, content_hash: str, *, note: Note) -> int:
    """Remove a file unless a document refers to it by now; return the number of files removed.

    An upload of the same content looks for its file under the same lock, so it either keeps
    this one or stores it again.
    """
    with database.write() as session:
        database.lock(session, f"file:{content_hash}")
        used = sa.select(Document.id).where(Document.content_hash == content_hash).limit(1)
        if session.scalar(used) is not None or not blobs.delete(content_hash):
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


def _stray(row: Any, old: Moments) -> Condition:
    """A row of a version that is not published, nor built, nor ever to be built again."""
    document, job, later = aliased(Document), aliased(Job), aliased(Job)
    published = (
        sa.select(document.published_version)
        .where(document.id == row.document_id)
        .scalar_subquery()
    )
    replaced = sa.exists().where(
        later.document_id == job.document_id, later.kind == job.kind, later.version > job.version
    )
    retriable = sa.or_(
        job.outcome == "cancelled", sa.and_(job.outcome == "failed", job.dismissed_at.is_(None))
    )
    wanted = sa.exists().where(
        job.document_id == row.document_id,
        job.version == row.version,
        sa.or_(
            job.outcome.is_(None),
            job.finished_at > old.now - VERSIONS_AGE,
            # A document without a single passage is not published; its pages tell why.
            sa.and_(sa.or_(retriable, job.outcome == "completed"), ~replaced),
        ),
        job.id.not_in(due_jobs(old)),
    )
    return sa.and_(row.version.is_distinct_from(published), ~wanted)


def _paid_for_nobody(cache: type[Embedding] | type[PageText], old: Moments) -> Condition:
    """A cached result older than a day that was not paid for by a job that may yet need it."""
    job, document = aliased(Job), aliased(Document)
    retriable = sa.or_(
        job.outcome.is_(None),
        job.outcome == "cancelled",
        sa.and_(job.outcome == "failed", job.dismissed_at.is_(None)),
    )
    needed = sa.exists().where(
        retriable,
        job.created_at <= cache.created_at,
        sa.or_(job.finished_at.is_(None), job.finished_at >= cache.created_at),
        document.id == job.document_id,
        job.id.not_in(due_jobs(old)),
    )
    return sa.and_(cache.created_at < old.now - CACHE_AGE, ~needed)
