"""Re-embedding a project: begun, looked at, taken back."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.engine import queues
from ragline.errors import ConfigurationError, Conflict, InvalidInput
from ragline.indexes.opening import Index, indexes_of, open_index
from ragline.indexes.passages import coverage
from ragline.indexes.recording import index_row
from ragline.jobs import service as jobs
from ragline.jobs.schemas import JobView
from ragline.jobs.views import fresh_view
from ragline.models import Chunk, Document, Job, Project, VectorIndex, collection_of, new_id
from ragline.providers.contracts import Embedder
from ragline.reembedding.removing import end_previous, let_go
from ragline.reembedding.schemas import (
    IndexesView,
    IndexView,
    PreviousRemoved,
    ReembedAccepted,
    ReembedRequest,
)
from ragline.reembedding.swapping import (
    REEMBED,
    better_after,
    is_complete,
    locked,
    refuse_second,
    swap,
)

# Paid services may allow a few calls a minute only; the limit is one of working time.
TIMEOUT_SECONDS = 30 * 24 * 3600


def target_of(runtime: Runtime, caller: Caller, project_id: str, wanted: ReembedRequest) -> Index:
    """Return the index that a project is to be searched in, recorded if it is new.

    Raises:
        NotFound: the caller has no such project.
        InvalidInput: model or store are unknown here, or cannot work; the message says why.
    """
    with runtime.database.read() as session:
        project = owned_project(session, caller.tenant_id, project_id)
    main = indexes_of(runtime, project).main
    store, spec = wanted.vector_store or main.store_name, wanted.embedder or main.spec
    try:
        embedder = runtime.embedder_for(spec)
        _refuse_unopened(runtime, store, spec, embedder)
    except ConfigurationError as error:
        raise InvalidInput(error.message) from None
    with runtime.database.write() as session:
        row = index_row(
            runtime, session, store=store, spec=spec, embedder=embedder, with_words=True
        )
    return open_index(runtime, row.id)


def begin(
    runtime: Runtime, caller: Caller, project_id: str, wanted: ReembedRequest, target: Index
) -> ReembedAccepted:
    """Queue the filling of an index for a project, which answers from its own meanwhile.

    Raises:
        NotFound: the caller has no such project.
        Conflict: the project is searched like this already, or is being re-embedded.
    """
    with runtime.database.write() as session:
        project = owned_project(session, caller.tenant_id, project_id)
        locked(session, project.id)
        main = open_index(runtime, project.index_id)
        if main.id == target.id:
            raise Conflict(
                f"The project is searched with {target.spec} in {target.store_name} already."
            )
        refuse_second(session, project.id)
        stale = project.filling_index_id if project.filling_index_id != target.id else None
        project.filling_index_id = target.id
        job = _job(project, target, main, wanted, stale)
        jobs.accept(
            session,
            runtime,
            job,
            workflow=REEMBED,
            queue=queues.REEMBED,
            timeout_seconds=TIMEOUT_SECONDS,
        )
        view: JobView = fresh_view(job)
    return ReembedAccepted(job=view)


def look(runtime: Runtime, caller: Caller, project_id: str) -> IndexesView:
    """Return the indexes of a project and how full they are."""
    with runtime.database.read() as session:
        project = owned_project(session, caller.tenant_id, project_id)
    return _view(runtime, project)


def roll_back(runtime: Runtime, caller: Caller, project_id: str) -> IndexesView:
    """Search a project in its previous index again; the present one is kept as that.

    Raises:
        NotFound: the caller has no such project.
        Conflict: it has no previous index, that lacks passages, or it is being re-embedded.
    """
    with runtime.database.read() as session:
        project = owned_project(session, caller.tenant_id, project_id)
    previous = project.previous_index_id
    if previous is None:
        raise Conflict("This project has no previous index to go back to.")
    better = better_after(runtime, project, previous)
    with runtime.database.write() as session:
        project = owned_project(session, caller.tenant_id, project_id)
        locked(session, project.id)
        refuse_second(session, project.id)
        if project.previous_index_id != previous:
            raise Conflict("The project was re-embedded just now; look at it again.")
        if not is_complete(session, project, previous):
            covered = coverage(session, project.id, previous)
            raise Conflict(
                f"The previous index has {covered.chunks} of {covered.of} passages so far: the "
                "newest ones are added while the server has little else to do. Try again later, "
                "or re-embed the project with the previous model."
            )
        gone = swap(runtime, session, project, previous, better=better)
    for index_id in gone:
        let_go(runtime, project_id, index_id)
    return look(runtime, caller, project_id)


def remove_previous(runtime: Runtime, caller: Caller, project_id: str) -> PreviousRemoved:
    """Remove the index that a project could go back to; without one nothing is removed.

    Raises `NotFound` where the caller has no such project, `Conflict` while it is re-embedded.
    """
    with runtime.database.write() as session:
        project = owned_project(session, caller.tenant_id, project_id)
        locked(session, project.id)
        refuse_second(session, project.id)
        index_id = end_previous(session, project)
    vectors = let_go(runtime, project_id, index_id) if index_id is not None else 0
    return PreviousRemoved(removed={"vectors": vectors})


def _refuse_unopened(runtime: Runtime, store: str, spec: str, embedder: Embedder) -> None:
    """Open an index on trial, unless it is known; raise `ConfigurationError` if that fails."""
    with runtime.database.read() as session:
        known = session.scalar(_KNOWN, {"of_store": store, "of_model": embedder.name})
    if known is not None:
        _ = open_index(runtime, known).store
        return
    row = VectorIndex(
        id=new_id(),
        store=store,
        embedder=spec,
        embedder_name=embedder.name,
        dimensions=embedder.dimensions,
        collection=collection_of(embedder.name, with_words=True),
        with_words=True,
    )
    trial = Index(runtime, row)
    try:
        _ = trial.store
    finally:
        trial.close()


def _job(
    project: Project, target: Index, main: Index, wanted: ReembedRequest, stale: str | None
) -> Job:
    return Job(
        id=new_id(),
        tenant_id=project.tenant_id,
        project_id=project.id,
        kind="reembed",
        progress_unit="chunks",
        inputs={
            "index_id": target.id,
            "embedder": target.spec,
            "vector_store": target.store_name,
            "from": {"embedder": main.spec, "vector_store": main.store_name},
            "check": wanted.check.model_dump(mode="json"),
            "force": wanted.force,
            "stale": stale,
        },
    )


def _view(runtime: Runtime, project: Project) -> IndexesView:
    indexes = indexes_of(runtime, project)
    with runtime.database.read() as session:
        published = session.scalar(_PUBLISHED, {"of_project": project.id}) or 0

        def view(index: Index | None) -> IndexView | None:
            if index is None:
                return None
            is_main = index.id == indexes.main.id
            chunks = published if is_main else coverage(session, project.id, index.id).chunks
            return IndexView(
                id=index.id,
                vector_store=index.store_name,
                embedder=index.spec,
                model=index.embedder_name,
                dimensions=index.dimensions,
                chunks=chunks,
                of=published,
            )

        main = view(indexes.main)
        assert main is not None, "each project has a main index"
        keep = timedelta(days=runtime.settings.keep_previous_index_days)
        return IndexesView(
            main=main,
            better=view(indexes.better),
            filling=view(indexes.filling),
            previous=view(indexes.previous),
            previous_until=project.previous_since and project.previous_since + keep,
        )


_KNOWN = (
    sa.select(VectorIndex.id)
    .where(
        VectorIndex.store == sa.bindparam("of_store"),
        VectorIndex.embedder_name == sa.bindparam("of_model"),
        VectorIndex.with_words,
    )
    .order_by(VectorIndex.created_at)
    .limit(1)
)
_PUBLISHED = (
    sa.select(sa.func.count())
    .select_from(Chunk)
    .join(Document, Document.id == Chunk.document_id)
    .where(
        Document.project_id == sa.bindparam("of_project"),
        Chunk.version == Document.published_version,
    )
)
