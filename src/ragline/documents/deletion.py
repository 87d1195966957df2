"""Deleting a document everywhere, with a receipt of what was removed."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_document
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.database import LOCKED
from ragline.documents.files import remove_file
from ragline.documents.views import statuses_of
from ragline.errors import Conflict
from ragline.failpoints import failpoint
from ragline.ingestion.content import content_changed
from ragline.models import Chunk, Document, Embedding, Page, PageText


def delete_document(runtime: Runtime, caller: Caller, document_id: str) -> dict[str, int]:
    """Remove a document's rows, file, vectors and cached results; return the counts.

    Rows go first, so that whatever a crash leaves behind is nothing that can be returned.
    """
    with runtime.database.write() as session:
        document = owned_document(session, caller.tenant_id, document_id)
        # A retry of its job locks it too: either it is being ingested, or it is gone.
        session.refresh(document, with_for_update=LOCKED)
        if statuses_of(session, [document])[document.id] in ("pending", "queued", "processing"):
            raise Conflict("This document is being ingested; delete it when its job has ended.")
        content_hash, project_id = document.content_hash, document.project_id
        removed = remove_rows(session, document)
    # None of them could be given any more: the project's content has changed.
    removed["cached_answers"] = runtime.answer_cache.forget(project_id)
    failpoint("delete.rows_removed")
    removed["files"] = remove_file(runtime, content_hash)
    failpoint("delete.file_removed")
    removed["vectors"] = runtime.vector_store.delete(document_id=document_id)
    return removed


def remove_rows(session: Session, document: Document) -> dict[str, int]:
    """Remove a document with its pages, chunks and the cached results only it uses."""
    keys = set(session.scalars(sa.select(Chunk.embedding_key).where(_of(Chunk, document))))
    texts = set(session.scalars(sa.select(Page.text_key).where(_of(Page, document))))
    removed = {
        "chunks": _delete(session, sa.delete(Chunk).where(_of(Chunk, document))),
        "pages": _delete(session, sa.delete(Page).where(_of(Page, document))),
    }
    removed["embeddings"] = _delete_unused(session, Embedding, keys, Chunk.embedding_key)
    removed["page_texts"] = _delete_unused(session, PageText, texts, Page.text_key)
    if document.published_version is not None:
        content_changed(session, document.project_id)
    session.delete(document)
    session.flush()
    removed["documents"] = 1
    return removed


def _of(table: type[Chunk] | type[Page], document: Document) -> sa.ColumnElement[bool]:
    return table.document_id == document.id


def _delete(session: Session, statement: sa.Delete) -> int:
    return int(session.execute(statement).rowcount)  # type: ignore[attr-defined]  # a DELETE has one


def _delete_unused(
    session: Session,
    cache: type[Embedding] | type[PageText],
    keys: set[str],
    used_by: sa.orm.InstrumentedAttribute[str],
) -> int:
    """Remove cached results under these keys that no other document refers to."""
    removed = 0
    ordered = sorted(keys)
    for start in range(0, len(ordered), 500):
        part = ordered[start : start + 500]
        in_use = sa.select(used_by).where(used_by.in_(part))
        removed += _delete(
            session, sa.delete(cache).where(cache.key.in_(part), cache.key.not_in(in_use))
        )
    return removed
