"""What a project is searched with, and how far its better vectors are."""

from __future__ import annotations

from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.errors import ConfigurationError
from ragline.indexes.better import better_spec, language_of, may_have_better
from ragline.indexes.opening import Index, indexes_of
from ragline.indexes.passages import Coverage, coverage
from ragline.indexes.workflow import open_job_of
from ragline.models import Project
from ragline.projects.schemas import BetterState, BetterView, SearchView


def search_view(runtime: Runtime, project: Project) -> SearchView:
    """Return what a project is searched with."""
    indexes = indexes_of(runtime, project)
    return SearchView(
        embedder=indexes.main.embedder_name,
        vector_store=indexes.main.store_name,
        better=_better_view(runtime, project, indexes.better),
    )


def _better_view(runtime: Runtime, project: Project, index: Index | None) -> BetterView | None:
    """Return how better vectors stand; None for a project that none are made for."""
    if index is None and not may_have_better(runtime, project):
        return None
    with runtime.database.read() as session:
        if index is None:
            return _not_chosen(runtime, session, project)
        has = coverage(session, project.id, index.id)
        job_id = open_job_of(session, project.id)
    return BetterView(
        embedder=index.embedder_name,
        chunks=has.chunks,
        of=has.of,
        job_id=job_id,
        state=_state(runtime, project, index, has, job_id),
        reason=index.unusable,
    )


def _not_chosen(runtime: Runtime, session: Session, project: Project) -> BetterView | None:
    """Return what stands in the way of a choice: no document yet, or a model that is not there."""
    spec = better_spec(runtime, language_of(session, project))
    if spec is None:
        return None
    reason = None
    try:
        runtime.embedder_for(spec)
    except ConfigurationError as error:
        reason = error.message
    state: BetterState = "waiting" if reason is None else "unavailable"
    return BetterView(embedder=spec, chunks=0, of=0, job_id=None, state=state, reason=reason)


def _state(
    runtime: Runtime, project: Project, index: Index, has: Coverage, job_id: str | None
) -> BetterState:
    if runtime.settings.better_vectors == "off":
        return "off"
    if index.unusable:
        return "unavailable"
    if has.is_complete:
        return "ready"
    if job_id is not None:
        return "filling"
    return "stopped" if project.filled_version == project.content_version else "waiting"
