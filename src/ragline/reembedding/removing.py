"""What a project leaves in an index that it has no more: names of vectors, then the vectors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.database import LOCKED
from ragline.errors import RaglineError
from ragline.failpoints import failpoint
from ragline.indexes.opening import open_index
from ragline.models import Chunk, ChunkVector, Document, Project

log = structlog.get_logger()


def let_go(runtime: Runtime, project_id: str, index_id: str) -> int:
    """Remove a project's vectors from an index unless it has it again; return how many.

    The names go first: what a crash leaves are vectors that nobody finds. A second run removes
    them.
    """
    with runtime.database.write() as session:
        project = session.get(Project, project_id, with_for_update=LOCKED, populate_existing=True)
        if project is not None and index_id in held(runtime, project):
            return 0
        session.execute(_FORGET, {"of_project": project_id, "of_index": index_id})
    failpoint("reembed.forgotten")
    return open_index(runtime, index_id).store.delete_project(project_id)


def held(runtime: Runtime, project: Project) -> set[str]:
    """Return the ids of all indexes that a project has."""
    given = {
        project.index_id,
        project.better_index_id,
        project.filling_index_id,
        project.previous_index_id,
    }
    return {open_index(runtime, each).id for each in given if each or each == project.index_id}


def end_previous(session: Session, project: Project) -> str | None:
    """Have a locked project keep its previous index no more; return that index's id."""
    index_id = project.previous_index_id
    project.previous_index_id = project.previous_since = None
    return index_id


def remove_due(
    runtime: Runtime,
    moment: datetime,
    *,
    removed: Callable[[Session, int], None],
    pause: Callable[[], None] = lambda: None,
) -> list[str]:
    """Remove previous indexes that were kept long enough by a moment.

    `removed` is told in the transaction that ends the keeping; returns a sentence for each whose
    store does not answer: its vectors stay behind as strays.
    """
    before = moment - timedelta(days=runtime.settings.keep_previous_index_days)
    with runtime.database.read() as session:
        due = session.scalars(_DUE, {"before": before}).all()
    sentences = []
    for project_id in due:
        with runtime.database.write() as session:
            project = session.get(
                Project, project_id, with_for_update=LOCKED, populate_existing=True
            )
            if project is None or project.previous_since is None:
                continue
            if project.previous_since > before:
                continue
            index_id = end_previous(session, project)
            removed(session, 1)
        try:
            if index_id is not None:
                let_go(runtime, project_id, index_id)
        except RaglineError as error:
            sentences.append(
                f"The vectors of the project {project_id} in its previous index could not be "
                f"removed: {error.message}"
            )
        pause()
    return sentences


_FORGET = (
    sa.delete(ChunkVector)
    .where(
        ChunkVector.index_id == sa.bindparam("of_index"),
        ChunkVector.chunk_id.in_(
            sa.select(Chunk.id)
            .join(Document, Document.id == Chunk.document_id)
            .where(Document.project_id == sa.bindparam("of_project"))
        ),
    )
    .execution_options(synchronize_session=False)
)
_DUE = (
    sa.select(Project.id)
    .where(Project.previous_since <= sa.bindparam("before"), Project.deleted_at.is_(None))
    .order_by(Project.id)
)
