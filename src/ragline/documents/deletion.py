"""Deleting a document everywhere, with a receipt of what was removed and of what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_document
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.database import LOCKED
from ragline.documents.schemas import Receipt
from ragline.errors import Conflict, RaglineError
from ragline.failpoints import failpoint
from ragline.indexes.opening import of_project
from ragline.ingestion.content import content_changed
from ragline.ingestion.files import in_use, remove_file
from ragline.ingestion.results import CACHES, count_unused, keys_of, remove_unused
from ragline.models import (
    Base,
    Chunk,
    Document,
    DocumentVersion,
    Job,
    LeftResult,
    Page,
    StoreFile,
)

# What goes with a document, in the order in which it goes; what is left of them is counted too.
_TABLES: tuple[tuple[str, type[Base]], ...] = (
    ("chunks", Chunk),
    ("pages", Page),
    ("versions", DocumentVersion),
    ("store_files", StoreFile),
    ("left_results", LeftResult),
)
log = structlog.get_logger()


class Incomplete(RaglineError):
    """Something of what was to be deleted is still there."""

    slug = "deletion-incomplete"
    title = "Deletion incomplete"


@dataclass(frozen=True, slots=True)
class Traces:
    """Where something of documents may be: what to look for once their rows are gone."""

    project_id: str
    document_ids: Sequence[str]
    files: Sequence[str]
    results: Mapping[str, Sequence[str]]


def delete_document(runtime: Runtime, caller: Caller, document_id: str) -> Receipt:
    """Remove a document's rows, files, vectors and cached results; return the receipt.

    Rows go first, so that whatever a crash leaves behind is nothing that can be returned.

    Raises:
        NotFound: the caller has no such document.
        Conflict: a version of it is being built.
        Incomplete: something was left, and could not be removed the second time either.
    """
    with runtime.database.write() as session:
        document = owned_document(session, caller.tenant_id, document_id)
        # A retry of its job locks it too: either it is being ingested, or it is gone.
        session.refresh(document, with_for_update=LOCKED)
        if session.scalar(_OPEN, {"of_document": document.id}) is not None:
            raise Conflict(
                "This document is being ingested; delete it when its job has ended, or cancel that."
            )
        traces, removed = remove_rows(session, [document])
    failpoint("delete.rows_removed")
    removed.update(remove_outside(runtime, traces))
    remaining = count_remaining(runtime, traces)
    if any(remaining.values()):
        removed.update(remove_outside(runtime, traces))
        remaining = count_remaining(runtime, traces)
    if any(remaining.values()):
        log.error("document.remains", document_id=document_id, **remaining)
        raise Incomplete(
            f"The document is deleted and is not found any more, but this is left of it: "
            f"{_listed(remaining)}. The clean-up removes it; see the server's log."
        )
    return Receipt(document_id=document_id, removed=dict(removed), remaining=remaining)


def remove_rows(session: Session, documents: Sequence[Document]) -> tuple[Traces, Counter[str]]:
    """Remove documents of a project with all rows of them, and the results only they use."""
    traces = _traces(session, documents)
    ids = traces.document_ids
    removed = Counter({name: _remove(session, table, ids) for name, table in _TABLES})
    del removed["left_results"]  # they name what is counted next
    for cache in CACHES:
        removed[cache.name] = remove_unused(session, cache, traces.results[cache.name])
    if any(document.published_version is not None for document in documents):
        content_changed(session, traces.project_id)
    # Jobs are history and stay; what they were given of the document goes.
    session.execute(
        sa.update(Job)
        .where(Job.document_id.in_(ids))
        .values(inputs={"erased": True})
        .execution_options(synchronize_session=False)
    )
    for document in documents:
        session.delete(document)
    session.flush()
    removed["documents"] = len(documents)
    return traces, removed


def remove_outside(runtime: Runtime, traces: Traces) -> Counter[str]:
    """Remove what no transaction covers: answers, files, vectors; safe to run again."""
    # None of these answers could be given any more: the project's content has changed.
    removed = Counter({"cached_answers": runtime.answer_cache.forget(traces.project_id)})
    removed["files"] = remove_files(runtime, traces)
    failpoint("delete.file_removed")
    removed["vectors"] = sum(
        index.store.delete(document_id=each)
        for index in of_project(runtime, traces.project_id)
        for each in traces.document_ids
    )
    return removed


def remove_files(runtime: Runtime, traces: Traces) -> int:
    """Remove the files that nothing else refers to; return how many."""
    return sum(remove_file(runtime, each) for each in traces.files)


def count_remaining(runtime: Runtime, traces: Traces) -> dict[str, int]:
    """Count what is left of deleted documents in the database, the index and the files."""
    left = count_kept(runtime, traces)
    left["vectors"] = sum(
        index.store.count(document_id=each)
        for index in of_project(runtime, traces.project_id)
        for each in traces.document_ids
    )
    return left


def count_kept(runtime: Runtime, traces: Traces) -> dict[str, int]:
    """Count what is left of deleted documents in the database and the files."""
    ids = traces.document_ids
    with runtime.database.read() as session:
        left = {name: _count(session, table, ids) for name, table in _TABLES}
        for cache in CACHES:
            left[cache.name] = count_unused(session, cache, traces.results[cache.name])
        documents = sa.select(sa.func.count()).where(Document.id.in_(ids))
        left["documents"] = session.scalar(documents) or 0
        nobodys = set(traces.files) - in_use(session, traces.files)
    left["files"] = sum(runtime.blobs.exists(each) for each in nobodys)
    return left


def _traces(session: Session, documents: Sequence[Document]) -> Traces:
    ids = [document.id for document in documents]
    versions = sa.select(DocumentVersion.content_hash)
    files = set(session.scalars(versions.where(DocumentVersion.document_id.in_(ids))))
    return Traces(
        project_id=documents[0].project_id,
        document_ids=ids,
        files=sorted(files | {document.stored_hash for document in documents}),
        results=keys_of(session, ids),
    )


def _remove(session: Session, table: type[Base], document_ids: Sequence[str]) -> int:
    gone = session.execute(sa.delete(table).where(_of(table, document_ids)))
    return int(gone.rowcount)  # type: ignore[attr-defined]  # a DELETE has a row count


def _count(session: Session, table: type[Base], document_ids: Sequence[str]) -> int:
    counted = sa.select(sa.func.count()).select_from(table).where(_of(table, document_ids))
    return session.scalar(counted) or 0


def _of(table: type[Base], document_ids: Sequence[str]) -> sa.ColumnElement[bool]:
    column: sa.ColumnElement[str] = table.__table__.c.document_id
    return column.in_(document_ids)


def _listed(remaining: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in remaining.items() if count)


_OPEN = (
    sa.select(Job.id)
    .where(
        Job.document_id == sa.bindparam("of_document"),
        Job.kind == "ingest",
        Job.outcome.is_(None),
    )
    .limit(1)
)
