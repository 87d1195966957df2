"""The swap: which index a project is searched in, changed in one transaction."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.database import LOCKED
from ragline.errors import Conflict
from ragline.indexes.opening import indexes_of, open_index
from ragline.indexes.passages import coverage
from ragline.indexes.recording import index_row
from ragline.ingestion.content import content_changed
from ragline.models import Chunk, ChunkVector, Document, Job, Project, now

REEMBED = "reembed_project"
"""The name of the workflow."""


def locked(session: Session, project_id: str) -> Project | None:
    """Return a project whose indexes nobody else changes, nor publishes into, meanwhile."""
    return session.get(Project, project_id, with_for_update=LOCKED, populate_existing=True)


def is_complete(session: Session, project: Project, index_id: str) -> bool:
    """Tell whether an index has all published passages of a locked project."""
    return coverage(session, project.id, index_id).is_complete


def better_after(runtime: Runtime, project: Project, index_id: str) -> str | None:
    """Return the better index that a project has once it is searched in another main one.

    It was made beside the model that the project has: with another one it is let go. Where only
    the store changes, it moves too.
    """
    indexes, new = indexes_of(runtime, project), open_index(runtime, index_id)
    better, old = indexes.better, indexes.main
    if better is None or new.embedder_name != old.embedder_name:
        return None
    if better.store_name != old.store_name or new.store_name == old.store_name:
        return better.id
    with runtime.database.write() as session:
        return index_row(
            runtime,
            session,
            store=new.store_name,
            spec=better.spec,
            embedder=better.embedder,
            with_words=False,
        ).id


def swap(
    runtime: Runtime, session: Session, project: Project, index_id: str, *, better: str | None
) -> list[str]:
    """Search a locked project in an index that is complete; the present one is kept as previous.

    The keys of its vectors become those of the passages, and the other way round. Returns the
    ids of indexes that the project has no more.
    """
    old, new = open_index(runtime, project.index_id), open_index(runtime, index_id)
    before = [project.previous_index_id, project.better_index_id]
    _exchange_keys(session, project.id, old=old.id, new=new.id)
    if better != project.better_index_id:
        _move_better(session, project, better)
    project.index_id, project.previous_index_id = new.id, old.id
    project.previous_since = now()
    if project.filling_index_id == new.id:
        project.filling_index_id = None
    # Whoever looks after the other indexes looks at this project again.
    project.filled_version = None
    session.flush()
    content_changed(session, project.id)
    kept = (project.index_id, project.previous_index_id, project.better_index_id)
    return [each for each in before if each is not None and each not in kept]


def refuse_second(session: Session, project_id: str, *, but: str | None = None) -> None:
    """Raise `Conflict` while a job, but for one, re-embeds a locked project."""
    open_jobs = session.scalars(_OPEN, {"of_project": project_id}).all()
    others = [each for each in open_jobs if each != but]
    if others:
        raise Conflict(f"The project is being re-embedded by the job {others[0]}: cancel it first.")


def _exchange_keys(session: Session, project_id: str, *, old: str, new: str) -> None:
    published = _published(project_id)
    new_key = sa.select(ChunkVector.embedding_key).where(
        ChunkVector.chunk_id == Chunk.id, ChunkVector.index_id == new
    )
    _forget(session, project_id, old)
    kept = sa.select(Chunk.id, sa.literal(old), Chunk.embedding_key, sa.true())
    _insert(session, kept.where(Chunk.id.in_(published)))
    session.execute(
        sa.update(Chunk)
        .where(Chunk.id.in_(published))
        .values(embedding_key=new_key.scalar_subquery())
        .execution_options(synchronize_session=False)
    )
    _forget(session, project_id, new)


def _move_better(session: Session, project: Project, better: str | None) -> None:
    """Note which vectors are still to be written into the better index, for they are stored."""
    if better is not None and project.better_index_id is not None:
        _forget(session, project.id, better)
        stored = sa.select(
            ChunkVector.chunk_id, sa.literal(better), ChunkVector.embedding_key, sa.false()
        ).where(
            ChunkVector.index_id == project.better_index_id,
            ChunkVector.chunk_id.in_(_published(project.id)),
        )
        _insert(session, stored)
    project.better_index_id = better


def _insert(session: Session, rows: Any) -> None:
    columns = ["chunk_id", "index_id", "embedding_key", "indexed"]
    table = sa.table(ChunkVector.__tablename__, *(sa.column(name) for name in columns))
    session.execute(sa.insert(table).from_select(columns, rows))


def _forget(session: Session, project_id: str, index_id: str) -> None:
    session.execute(
        sa.delete(ChunkVector)
        .where(ChunkVector.index_id == index_id, ChunkVector.chunk_id.in_(_published(project_id)))
        .execution_options(synchronize_session=False)
    )


def _published(project_id: str) -> sa.Select[Any]:
    return (
        sa.select(Chunk.id)
        .join(Document, Document.id == Chunk.document_id)
        .where(Document.project_id == project_id, Chunk.version == Document.published_version)
    )


_OPEN = (
    sa.select(Job.id)
    .where(
        Job.project_id == sa.bindparam("of_project"),
        Job.kind == "reembed",
        Job.workflow == REEMBED,
        Job.outcome.is_(None),
    )
    .order_by(Job.created_at)
)
