"""Which better model a project gets, by its language; recorded once, never changed silently."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.errors import ConfigurationError
from ragline.indexes.opening import Index, open_index
from ragline.indexes.recording import index_row
from ragline.models import Document, Project
from ragline.providers.contracts import Embedder
from ragline.settings.embedders import AUTO, FASTEST

FIRST_DOCUMENTS = 20
"""Documents by whose language a project's is known where it says none itself."""
ANY = "*"
log = structlog.get_logger()


def may_have_better(runtime: Runtime, project: Project) -> bool:
    """Tell whether a project is one that better vectors are for."""
    settings = runtime.settings
    if settings.embedder != AUTO or settings.better_vectors == "off":
        return False
    return open_index(runtime, project.index_id).spec == FASTEST


def language_of(session: Session, project: Project) -> str | None:
    """Return a project's language: the one it says, else that of most of its first documents."""
    if project.language:
        return project.language
    first = session.scalars(_FIRST, {"of_project": project.id}).all()
    found = Counter(language for language in first if language)
    return found.most_common(1)[0][0] if found else None


def better_spec(runtime: Runtime, language: str | None) -> str | None:
    """Return the better model for a language, or None where there is none."""
    named = runtime.settings.better_embedders
    return named.get(language or ANY) or named.get(ANY)


def usable_better(runtime: Runtime, spec: str) -> Embedder | None:
    """Return a better model; None where it cannot work here."""
    try:
        return runtime.embedder_for(spec)
    except ConfigurationError as error:
        log.debug("better.unusable", embedder=spec, reason=error.message)
        return None


def chosen_better(
    runtime: Runtime, session: Session, project: Project, *, language: str | None = None
) -> Index | None:
    """Return a project's better index, chosen and recorded where it has none yet.

    `language` is that of the document which is to be the project's first. Its row is to be
    locked. None where no better model is for it, or that one cannot work here.
    """
    if not may_have_better(runtime, project):
        return None
    if project.better_index_id is None:
        spec = better_spec(runtime, language_of(session, project) or language)
        embedder = usable_better(runtime, spec) if spec and spec != FASTEST else None
        if spec is None or embedder is None:
            return None
        row = index_row(
            runtime,
            session,
            store=open_index(runtime, project.index_id).store_name,
            spec=spec,
            embedder=embedder,
            with_words=False,
        )
        project.better_index_id = row.id
        session.flush()
        log.info("better.chosen", project_id=project.id, embedder=row.embedder_name)
    return _index(runtime, session, project.better_index_id)


def _index(runtime: Runtime, session: Session, index_id: str) -> Index | None:
    index = open_index(runtime, index_id, session=session)
    return None if index.unusable else index


_FIRST = (
    sa.select(Document.language)
    .where(
        Document.project_id == sa.bindparam("of_project"), Document.published_version.is_not(None)
    )
    .order_by(Document.created_at, Document.id)
    .limit(FIRST_DOCUMENTS)
)
