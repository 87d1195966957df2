"""Passages against vectors: each document of each project, in each of the project's indexes.

What is written meanwhile would look like a difference, so that each one is looked for twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.doctor.differences import (
    Difference,
    Place,
    capital,
    of_document,
    of_embeddings,
)
from ragline.doctor.looked import Looked
from ragline.errors import RaglineError
from ragline.indexes.opening import Index, ProjectIndexes, every_index, indexes_of
from ragline.maintenance.vectors import stray_vectors
from ragline.models import Chunk, ChunkVector, Document, Embedding, Job, Project

_NAMES = ("better", "filling", "previous")
FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True)
class _View:
    """One index of one project."""

    project: Project
    index: Index
    name: str
    is_main: bool

    def place(self, document_id: str, title: str = "") -> Place:
        """Return a document in this index."""
        return Place(self.project.id, document_id, title, self.index.id, self.name)


@dataclass(frozen=True, slots=True)
class _Expected:
    """What an index should hold of a document: the version, its passages, versions in work."""

    title: str
    published: int | None
    wanted: Set[str]
    under_way: Set[int]


def look(
    runtime: Runtime, looked: Looked, *, project_id: str | None = None
) -> Iterator[Difference]:
    """Go through what differs in the indexes of all projects, or of one."""
    with runtime.database.read() as session:
        query = _PROJECTS if project_id is None else _PROJECTS.where(Project.id == project_id)
        projects = session.scalars(query).all()
    for project in projects:
        looked.projects += 1
        yield from _of_project(runtime, project, looked)
    yield from _of_gone(runtime, project_id)


def _of_project(runtime: Runtime, project: Project, looked: Looked) -> Iterator[Difference]:
    indexes = indexes_of(runtime, project)
    with runtime.database.read() as session:
        documents = session.scalars(_DOCUMENTS, {"of_project": project.id}).all()
        looked.chunks += session.scalar(_COUNT, {"of_project": project.id}) or 0
    looked.documents += len(documents)
    for index in indexes.all:
        view = _View(project, index, _name_of(index, indexes), index.id == indexes.main.id)
        try:
            yield from _of_index(runtime, view, documents, looked)
        except RaglineError as error:
            yield Difference(
                "index-unusable",
                f"{capital(view.name)} of the project {project.name!r} cannot be looked at: "
                f"{error.message}",
                repairable=False,
                project_id=project.id,
                index=index.id,
            )


def _name_of(index: Index, indexes: ProjectIndexes) -> str:
    """Return what a sentence calls an index of a project."""
    if index.id == indexes.main.id:
        return f"the index ({index.spec} in {index.store_name})"
    kinds = [name for name in _NAMES if getattr(indexes, name) is index]
    return f"the {kinds[0] if kinds else 'other'} index ({index.spec} in {index.store_name})"


def _of_index(
    runtime: Runtime, view: _View, documents: Sequence[str], looked: Looked
) -> Iterator[Difference]:
    held_in_all = 0
    for document_id in documents:
        found, held = _compared(runtime, view, document_id)
        held_in_all += held
        looked.vectors += held
        if found:
            again = {each.key for each in _compared(runtime, view, document_id)[0]}
            yield from (each for each in found if each.key in again)
    if view.index.store.count(project_id=view.project.id) > held_in_all:
        yield from _unknown(runtime, view)


def _compared(runtime: Runtime, view: _View, document_id: str) -> tuple[list[Difference], int]:
    """Return what differs for one document, and how many vectors the index holds of it."""
    held = view.index.store.chunk_ids(document_id)
    expected = _expected(runtime, view, document_id)
    if expected is None:
        return [], len(held)
    place = view.place(document_id, expected.title)
    found = of_document(
        place,
        published=expected.published,
        wanted=expected.wanted,
        held=held,
        under_way=expected.under_way,
    )
    missing, misfits = _unstored(runtime, view, document_id)
    found += of_embeddings(
        place, missing=missing, misfits=misfits, dimensions=view.index.dimensions
    )
    return found, len(held)


def _expected(runtime: Runtime, view: _View, document_id: str) -> _Expected | None:
    named = {"of_document": document_id}
    of_index = named | {"of_index": view.index.id}
    with runtime.database.read() as session:
        document = session.get(Document, document_id)
        if document is None:
            return None
        under_way = {each for each in session.scalars(_UNDER_WAY, named) if each is not None}
        if view.is_main:
            wanted = set(session.scalars(_OWN_CHUNKS, named))
        else:
            wanted = set(session.scalars(_OTHER_CHUNKS, of_index))
            # What is named there and not yet noted as written may be on its way.
            if session.scalar(_COMING, of_index) is not None and document.published_version:
                under_way.add(document.published_version)
    return _Expected(document.title, document.published_version, wanted, under_way)


def _unstored(runtime: Runtime, view: _View, document_id: str) -> tuple[int, int]:
    """Count published passages whose stored vector is missing, and those of a wrong length."""
    named = {"of_document": document_id, "bytes": FLOAT_BYTES * view.index.dimensions}
    query = _OWN_UNSTORED
    if not view.is_main:
        query, named = _OTHER_UNSTORED, named | {"of_index": view.index.id}
    with runtime.database.read() as session:
        row = session.execute(query, named).one()
    return row.missing or 0, row.misfits or 0


def _unknown(runtime: Runtime, view: _View) -> Iterator[Difference]:
    """Give the difference of vectors of documents that not even a job tells of."""
    count = unknown_vectors(runtime, view.project.id, view.index)
    if count:
        yield Difference(
            "stray-vectors",
            f"{capital(view.name)} holds {count} vectors of documents of the project "
            f"{view.project.name!r} that nothing is known of any more; a repair empties the index "
            "of this project and writes its passages again, and searches miss some meanwhile.",
            project_id=view.project.id,
            index=view.index.id,
            count=count,
        )


def unknown_vectors(runtime: Runtime, project_id: str, index: Index) -> int:
    """Count the vectors of a project's documents that neither a row nor a job tells of."""
    named = {"of_project": project_id}
    with runtime.database.read() as session:
        known = {*session.scalars(_DOCUMENTS, named), *session.scalars(_GONE, named)}
        busy = session.scalar(_BUSY, named) is not None
    if busy:
        return 0  # what comes meanwhile would look like it
    held = sum(index.store.count(document_id=each) for each in known if each is not None)
    return max(index.store.count(project_id=project_id) - held, 0)


def _of_gone(runtime: Runtime, project_id: str | None) -> Iterator[Difference]:
    """Give vectors of deleted documents, and those in indexes that their project has no more."""
    for index in every_index(runtime):
        try:
            for stray in stray_vectors(runtime.database, [index]):
                its_project = _project_of(runtime, stray.document_id)
                if stray.version is None and project_id in (None, its_project):
                    yield Difference(
                        "stray-vectors",
                        f"{stray.sentence[:-1]}; a repair removes them.",
                        project_id=its_project,
                        document_id=stray.document_id,
                        index=index.id,
                        count=stray.count,
                    )
        except RaglineError as error:
            yield Difference(
                "index-unusable",
                f"The index of {index.spec} in {index.store_name} cannot be looked through for "
                f"strays: {error.message}",
                repairable=False,
                index=index.id,
            )


def _project_of(runtime: Runtime, document_id: str) -> str | None:
    with runtime.database.read() as session:
        document = session.get(Document, document_id)
        if document is not None:
            return document.project_id
        return session.scalar(_PROJECT_OF_JOB, {"of_document": document_id})


# A project that is being deleted gives its own receipt.
_PROJECTS = sa.select(Project).where(Project.deleted_at.is_(None)).order_by(Project.id)
_DOCUMENTS = (
    sa.select(Document.id)
    .where(Document.project_id == sa.bindparam("of_project"))
    .order_by(Document.id)
)
_own = sa.and_(
    Document.id == sa.bindparam("of_document"), Chunk.version == Document.published_version
)
_OWN_CHUNKS = sa.select(Chunk.id).join(Document, Document.id == Chunk.document_id).where(_own)
_other = sa.and_(ChunkVector.chunk_id == Chunk.id, ChunkVector.index_id == sa.bindparam("of_index"))
_OTHER_CHUNKS = _OWN_CHUNKS.join(ChunkVector, _other).where(ChunkVector.indexed)
_COMING = _OWN_CHUNKS.join(ChunkVector, _other).where(~ChunkVector.indexed).limit(1)
_UNDER_WAY = sa.select(Job.version).where(
    Job.document_id == sa.bindparam("of_document"),
    Job.kind == "ingest",
    Job.outcome.is_(None),
    Job.version.is_not(None),
)
_counts = (
    sa.func.sum(sa.case((Embedding.key.is_(None), 1), else_=0)).label("missing"),
    sa.func.sum(
        sa.case((sa.func.length(Embedding.vector) != sa.bindparam("bytes"), 1), else_=0)
    ).label("misfits"),
)
_OWN_UNSTORED = (
    sa.select(*_counts)
    .select_from(Chunk)
    .join(Document, Document.id == Chunk.document_id)
    .outerjoin(Embedding, Embedding.key == Chunk.embedding_key)
    .where(_own)
)
_OTHER_UNSTORED = (
    sa.select(*_counts)
    .select_from(Chunk)
    .join(Document, Document.id == Chunk.document_id)
    .join(ChunkVector, _other)
    .outerjoin(Embedding, Embedding.key == ChunkVector.embedding_key)
    .where(_own, ChunkVector.indexed)
)
_GONE = sa.select(Job.document_id).where(Job.project_id == sa.bindparam("of_project")).distinct()
_PROJECT_OF_JOB = (
    sa.select(Job.project_id).where(Job.document_id == sa.bindparam("of_document")).limit(1)
)
_BUSY = (
    sa.select(Job.id)
    .where(
        Job.project_id == sa.bindparam("of_project"), Job.kind == "ingest", Job.outcome.is_(None)
    )
    .limit(1)
)
_COUNT = (
    sa.select(sa.func.count())
    .select_from(Chunk)
    .join(Document, Document.id == Chunk.document_id)
    .where(
        Document.project_id == sa.bindparam("of_project"),
        Chunk.version == Document.published_version,
    )
)
