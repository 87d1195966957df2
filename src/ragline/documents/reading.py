"""Reading documents back: listings, pages, passages and the file itself."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from ragline.accounts.ownership import owned_document, owned_project
from ragline.accounts.service import Caller
from ragline.blobs import Stream
from ragline.bootstrap import Runtime
from ragline.documents.views import Standing, standings
from ragline.models import Chunk, Document, Page, PageText


def get_document(runtime: Runtime, caller: Caller, document_id: str) -> tuple[Document, Standing]:
    """Return a document, and how it stands with it."""
    with runtime.database.read() as session:
        document = owned_document(session, caller.tenant_id, document_id)
        return document, standings(session, [document])[document.id]


def list_documents(
    runtime: Runtime, caller: Caller, project_id: str, *, limit: int, after: str | None
) -> tuple[list[tuple[Document, Standing]], bool]:
    """Return a project's documents and how they stand, oldest first, and whether there are more."""
    query = (
        sa.select(Document)
        .where(Document.project_id == project_id)
        .order_by(Document.created_at, Document.id)
        .limit(limit + 1)
    )
    with runtime.database.read() as session:
        owned_project(session, caller.tenant_id, project_id)
        if after is not None:
            last = owned_document(session, caller.tenant_id, after)
            query = query.where(
                sa.tuple_(Document.created_at, Document.id)
                > sa.tuple_(
                    sa.literal(last.created_at, Document.created_at.type), sa.literal(last.id)
                )
            )
        documents = list(session.scalars(query))
        known = standings(session, documents)
    return [(d, known[d.id]) for d in documents[:limit]], len(documents) > limit


def list_pages(
    runtime: Runtime, caller: Caller, document_id: str, *, limit: int, after: int
) -> tuple[list[tuple[Page, str]], bool]:
    """Return pages with their texts: of the published version, else of the latest that has any."""
    with runtime.database.read() as session:
        document = owned_document(session, caller.tenant_id, document_id)
        latest = sa.select(sa.func.max(Page.version)).where(Page.document_id == document.id)
        version = document.published_version or session.scalar(latest)
        rows = session.execute(
            sa.select(Page, sa.func.coalesce(PageText.text, ""))
            .outerjoin(PageText, PageText.key == Page.text_key)
            .where(
                Page.document_id == document.id,
                Page.version == version,
                Page.number > after,
            )
            .order_by(Page.number)
            .limit(limit + 1)
        ).all()
    return list(rows[:limit]), len(rows) > limit


def list_chunks(
    runtime: Runtime, caller: Caller, document_id: str, *, limit: int, after: int
) -> tuple[list[Chunk], bool]:
    """Return passages of the published version, in order."""
    with runtime.database.read() as session:
        document = owned_document(session, caller.tenant_id, document_id)
        chunks = list(
            session.scalars(
                sa.select(Chunk)
                .where(
                    Chunk.document_id == document.id,
                    Chunk.version == document.published_version,
                    Chunk.ordinal > after,
                )
                .order_by(Chunk.ordinal)
                .limit(limit + 1)
            )
        )
    return chunks[:limit], len(chunks) > limit


def file_of(runtime: Runtime, caller: Caller, document_id: str) -> tuple[Document, Path | Stream]:
    """Return a document and its file: where it is, or its content from another place."""
    with runtime.database.read() as session:
        document = owned_document(session, caller.tenant_id, document_id)
    return document, runtime.blobs.open(document.stored_hash)
