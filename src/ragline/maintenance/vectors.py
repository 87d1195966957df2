"""Stray vectors: of documents that are gone, or of versions that are not published.

Search never returns them. To look at each document would take one call to the index for each,
so only projects are counted; where index and database differ, their documents are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.database import LOCKED, Database
from ragline.indexes.opening import Index
from ragline.maintenance.rules import Note, Removed
from ragline.models import Chunk, ChunkVector, Document, Job, Project


@dataclass(frozen=True, slots=True)
class StrayVectors:
    """Vectors of one version of a document, or of all its versions, in one index.

    `is_foreign` says that the project has nothing to do with that index any more.
    """

    index: Index
    document_id: str
    version: int | None
    count: int
    is_foreign: bool = False

    @property
    def sentence(self) -> str:
        """What is wrong with them."""
        if self.is_foreign:
            return (
                f"An index holds {self.count} vectors of the document {self.document_id}, whose "
                "project is searched in another."
            )
        if self.version is None:
            return (
                f"The index holds {self.count} vectors of the document {self.document_id}, "
                "which was deleted."
            )
        return (
            f"The index holds {self.count} vectors of version {self.version} of the document "
            f"{self.document_id}, which is not published."
        )


def stray_vectors(database: Database, indexes: Sequence[Index]) -> Iterator[StrayVectors]:
    """Go through the vectors that search will never return, in these indexes.

    Of deleted documents and projects those are found whose jobs are still kept.
    """
    with database.read() as session:
        projects = session.execute(_PROJECTS).all()
    for index in indexes:
        values = {"of_index": index.id}
        with database.read() as session:
            own = dict(session.execute(_PUBLISHED, values).all())
            further = dict(session.execute(_FURTHER, values).all())
        for project_id, *used in projects:
            held = index.store.count(project_id=project_id)
            is_foreign = used[0] is not None and index.id not in used
            if held and (is_foreign or held != own.get(project_id, further.get(project_id, 0))):
                yield from _of_project(database, index, project_id, is_foreign)


def remove_vectors(
    database: Database,
    indexes: Sequence[Index],
    *,
    note: Note,
    pause: Callable[[], None] = lambda: None,
) -> list[str]:
    """Remove stray vectors and return a sentence for each version; a second run finds none."""
    removed = []
    for stray in stray_vectors(database, indexes):
        if _remove(database, stray, note):
            removed.append(stray.sentence)
        pause()
    return removed


def _of_project(
    database: Database, index: Index, project_id: str, is_foreign: bool
) -> Iterator[StrayVectors]:
    with database.read() as session:
        documents = session.execute(_DOCUMENTS, {"of_project": project_id}).all()
        gone = session.scalars(_GONE, {"of_project": project_id}).all()
    for document_id, chunks in documents:
        held = index.store.count(document_id=document_id)
        if is_foreign and held:
            yield StrayVectors(index, document_id, None, held, is_foreign=True)
        elif not is_foreign and held and (held != chunks or not index.with_words):
            yield from _of_document(database, index, document_id)
    for deleted in filter(None, gone):
        count = index.store.count(document_id=deleted)
        if count:
            yield StrayVectors(index, deleted, None, count)


def _of_document(database: Database, index: Index, document_id: str) -> Iterator[StrayVectors]:
    versions = Counter(index.store.chunk_ids(document_id).values())
    for version, count in sorted(versions.items()):
        stray = StrayVectors(index, document_id, version, count)
        with database.read() as session:
            is_stray = _nobody_needs(session, stray)
        if is_stray:
            yield stray


def _remove(database: Database, stray: StrayVectors, note: Note) -> int:
    if getattr(stray.index.store, "needs_held", False):
        return _remove_unlocked(database, stray, note)
    with database.write() as session:
        # The rows stay locked meanwhile: no new attempt can begin to write what is removed here.
        if not _nobody_needs(session, stray):
            return 0
        count = stray.index.store.delete(document_id=stray.document_id, version=stray.version)
        if count:
            note(session, "vectors", Removed(count))
    return count


def _remove_unlocked(database: Database, stray: StrayVectors, note: Note) -> int:
    """Remove from a store that notes in this database what it holds, so no lock can be held.

    What an attempt that begins in between writes may go too: the doctor finds it missing.
    """
    with database.write() as session:
        if not _nobody_needs(session, stray):
            return 0
    count = stray.index.store.delete(document_id=stray.document_id, version=stray.version)
    with database.write() as session:
        if count:
            note(session, "vectors", Removed(count))
    return count


def _nobody_needs(session: Session, stray: StrayVectors) -> bool:
    document = session.get(Document, stray.document_id, with_for_update=True)
    if stray.is_foreign and document is not None:
        project = session.get_one(Project, document.project_id, with_for_update=LOCKED)
        return stray.index.id not in _used(project)
    if document is None or stray.version is None:
        return document is None
    outcomes = session.scalars(
        sa.select(Job.outcome)
        .where(Job.document_id == stray.document_id, Job.version == stray.version)
        .with_for_update()
    )
    return document.published_version != stray.version and None not in outcomes.all()


def _used(project: Project) -> tuple[str | None, ...]:
    return tuple(getattr(project, name) for name in _COLUMNS)


_COLUMNS = ("index_id", "better_index_id", "filling_index_id", "previous_index_id")
_published = sa.and_(Chunk.document_id == Document.id, Chunk.version == Document.published_version)
_PUBLISHED = (
    sa.select(Document.project_id, sa.func.count())
    .join(Chunk, _published)
    .join(Project, Project.id == Document.project_id)
    .where(Project.index_id == sa.bindparam("of_index"))
    .group_by(Document.project_id)
)
_FURTHER = (
    sa.select(Document.project_id, sa.func.count())
    .join(Chunk, _published)
    .join(ChunkVector, ChunkVector.chunk_id == Chunk.id)
    .where(ChunkVector.index_id == sa.bindparam("of_index"), ChunkVector.indexed)
    .group_by(Document.project_id)
)
_known = sa.union(sa.select(Project.id), sa.select(Job.project_id)).subquery()
# A project that is being deleted gives its own receipt.
_PROJECTS = (
    sa.select(_known.c.id, *(getattr(Project, name) for name in _COLUMNS))
    .outerjoin(Project, Project.id == _known.c.id)
    .where(
        _known.c.id.is_not(None),
        ~sa.exists().where(
            Job.project_id == _known.c.id, Job.kind == "delete", Job.outcome.is_(None)
        ),
    )
)
_DOCUMENTS = (
    sa.select(Document.id, sa.func.count(Chunk.id))
    .outerjoin(
        Chunk,
        sa.and_(Chunk.document_id == Document.id, Chunk.version == Document.published_version),
    )
    .where(Document.project_id == sa.bindparam("of_project"))
    .group_by(Document.id)
)
_GONE = (
    sa.select(Job.document_id)
    .outerjoin(Document, Document.id == Job.document_id)
    .where(
        Job.project_id == sa.bindparam("of_project"),
        Job.document_id.is_not(None),
        Document.id.is_(None),
    )
    .distinct()
)
