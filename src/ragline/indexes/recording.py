"""Rows of indexes: found, or made where there is none yet."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.models import Project, VectorIndex, collection_of
from ragline.providers.contracts import Embedder

LOCK = "vector-indexes"


def default_row(runtime: Runtime, session: Session) -> VectorIndex | None:
    """Return the deployment's index, where it was recorded."""
    return session.scalar(
        sa.select(VectorIndex).where(
            VectorIndex.store == runtime.settings.vector_store_name,
            VectorIndex.embedder_name == runtime.embedder.name,
            VectorIndex.collection.is_not_distinct_from(runtime.collection),
            VectorIndex.with_words,
        )
    )


def record_default(runtime: Runtime) -> VectorIndex:
    """Return the deployment's index, recorded now if it was not."""
    with runtime.database.write() as session:
        runtime.database.lock(session, LOCK)
        return default_row(runtime, session) or _made(
            session,
            store=runtime.settings.vector_store_name,
            spec=runtime.settings.own_embedder,
            embedder=runtime.embedder,
            collection=runtime.collection,
            with_words=True,
        )


def record_projects(runtime: Runtime) -> int:
    """Record the deployment's index with the projects that have none; return how many.

    They are those of releases that knew one index only.
    """
    row = record_default(runtime)
    with runtime.database.write() as session:
        changed = session.execute(
            sa.update(Project)
            .where(Project.index_id.is_(None))
            .values(index_id=row.id)
            .execution_options(synchronize_session=False)
        )
    return int(changed.rowcount)  # type: ignore[attr-defined]  # an UPDATE has a row count


def index_row(
    runtime: Runtime,
    session: Session,
    *,
    store: str,
    spec: str,
    embedder: Embedder,
    with_words: bool,
) -> VectorIndex:
    """Return the index of a model in a store that all projects share, made if there is none.

    `with_words` says that it is to hold lexical vectors too, as a project's main index does.
    """
    runtime.database.lock(session, LOCK)
    found = session.scalars(
        sa.select(VectorIndex)
        .where(
            VectorIndex.store == store,
            VectorIndex.embedder_name == embedder.name,
            VectorIndex.with_words == with_words,
        )
        .order_by(VectorIndex.created_at)
    ).first()
    collection = collection_of(embedder.name, with_words=with_words)
    return found or _made(
        session,
        store=store,
        spec=spec,
        embedder=embedder,
        collection=collection,
        with_words=with_words,
    )


def _made(
    session: Session,
    *,
    store: str,
    spec: str,
    embedder: Embedder,
    collection: str | None,
    with_words: bool,
) -> VectorIndex:
    row = VectorIndex(
        store=store,
        embedder=spec,
        embedder_name=embedder.name,
        dimensions=embedder.dimensions,
        collection=collection,
        with_words=with_words,
    )
    session.add(row)
    session.flush()
    return row
