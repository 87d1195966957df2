"""What expired vector stores of OpenAI's interface held: their documents go, they themselves stay.

A store expires where it was not used for as many days as its owner said. It can still be seen,
empty, and be used again with another `expires_after`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.database import LOCKED
from ragline.documents.deletion import count_remaining, remove_outside, remove_rows
from ragline.maintenance.rules import Note, Removed
from ragline.models import Document, Job, Project, StoreFile, VectorStore

DOCUMENTS_AT_ONCE = 50


def expired_stores(session: Session, now: datetime) -> dict[str, datetime]:
    """Return the projects whose store has expired, with the moment at which it did."""
    moments = {row.project_id: _expiry(row) for row in session.scalars(_WITH_TERM)}
    return {project_id: moment for project_id, moment in moments.items() if moment <= now}


def count_expired(session: Session, now: datetime) -> int:
    """Return how many documents of expired stores may go."""
    return sum(
        session.scalar(sa.select(sa.func.count()).where(*_due(project_id, moment))) or 0
        for project_id, moment in expired_stores(session, now).items()
    )


def remove_expired(
    runtime: Runtime, now: datetime, *, note: Note, pause: Callable[[], None] = lambda: None
) -> list[str]:
    """Remove what expired stores hold, and return sentences about what could not be removed.

    What is being ingested, or came after the store expired, stays. A second run finds none.
    """
    with runtime.database.read() as session:
        stores = expired_stores(session, now)
    sentences: list[str] = []
    for project_id in stores:
        while (left := _remove_some(runtime, project_id, now, note)) is not None:
            if left:
                sentences.append(
                    f"The vector store {project_id} has expired; left of its documents: {left}."
                )
            pause()
    return sentences


def _remove_some(runtime: Runtime, project_id: str, now: datetime, note: Note) -> str | None:
    """Remove some documents; return what is left of them in words, None where there were none."""
    with runtime.database.write() as session:
        # Held, so that it is not given another term meanwhile; judged again for one given before.
        store = session.get(VectorStore, project_id, with_for_update=LOCKED)
        if store is None or store.expires_days is None or _expiry(store) > now:
            return None
        due = sa.select(Document).where(*_due(project_id, _expiry(store)))
        locked = due.order_by(Document.id).limit(DOCUMENTS_AT_ONCE).with_for_update(key_share=True)
        documents = list(session.scalars(locked))
        if not documents:
            _forget_places(session, project_id)
            return None
        traces, removed = remove_rows(session, documents)
        for what, count in removed.items():
            if count:
                note(session, what, Removed(count))
    remove_outside(runtime, traces)
    left = count_remaining(runtime, traces)
    return ", ".join(f"{count} {what}" for what, count in left.items() if count)


def _forget_places(session: Session, project_id: str) -> None:
    """Remove the places of files that became no document; the files themselves stay."""
    session.execute(
        sa.delete(StoreFile).where(
            StoreFile.project_id == project_id, StoreFile.document_id.is_(None)
        )
    )


def _due(project_id: str, expired_at: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    in_work = sa.exists().where(
        Job.document_id == Document.id, Job.kind == "ingest", Job.outcome.is_(None)
    )
    return (Document.project_id == project_id, Document.created_at <= expired_at, ~in_work)


def _expiry(store: VectorStore) -> datetime:
    assert store.expires_days is not None, "asked for with a term"
    return store.last_active_at + timedelta(days=store.expires_days)


_WITH_TERM = (
    sa.select(VectorStore)
    .join(Project, Project.id == VectorStore.project_id)
    .where(VectorStore.expires_days.is_not(None), Project.deleted_at.is_(None))
)
