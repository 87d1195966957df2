"""Stray vectors: of documents that are gone, or of versions that are not published.

Search never returns them. To look at each document would take one call to the index for each,
so only projects are counted; where index and database differ, their documents are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.database import Database
from ragline.maintenance.rules import Note, Removed
from ragline.models import Chunk, Document, Job, Project
from ragline.providers.contracts import VectorStore


@dataclass(frozen=True, slots=True)
class StrayVectors:
    """Vectors of one version of a document, or of all its versions if the document is gone."""

    document_id: str
    version: int | None
    count: int

    @property
    def sentence(self) -> str:
        """What is wrong with them."""
        if self.version is None:
            return (
                f"The index holds {self.count} vectors of the document {self.document_id}, "
                "which was deleted."
            )
        return (
            f"The index holds {self.count} vectors of version {self.version} of the document "
            f"{self.document_id}, which is not published."
        )


def stray_vectors(database: Database, store: VectorStore) -> Iterator[StrayVectors]:
    """Go through the vectors that search will never return.

    Of deleted documents and projects those are found whose jobs are still kept.
    """
    with database.read() as session:
        published = dict(session.execute(_PUBLISHED).all())
        projects = session.scalars(_PROJECTS).all()
    for project_id in projects:
        if store.count(project_id=project_id) != published.get(project_id, 0):
            yield from _of_project(database, store, project_id)


def remove_vectors(
    database: Database,
    store: VectorStore,
    *,
    note: Note,
    pause: Callable[[], None] = lambda: None,
) -> list[str]:
    """Remove stray vectors and return a sentence for each version; a second run finds none."""
    removed = []
    for stray in stray_vectors(database, store):
        if _remove(database, store, stray, note):
            removed.append(stray.sentence)
        pause()
    return removed


def _of_project(database: Database, store: VectorStore, project_id: str) -> Iterator[StrayVectors]:
    with database.read() as session:
        documents = session.execute(_DOCUMENTS, {"of_project": project_id}).all()
        gone = session.scalars(_GONE, {"of_project": project_id}).all()
    for document_id, chunks in documents:
        if store.count(document_id=document_id) != chunks:
            yield from _of_document(database, store, document_id)
    for deleted in filter(None, gone):
        count = store.count(document_id=deleted)
        if count:
            yield StrayVectors(deleted, None, count)


def _of_document(
    database: Database, store: VectorStore, document_id: str
) -> Iterator[StrayVectors]:
    for version, count in sorted(Counter(store.chunk_ids(document_id).values()).items()):
        stray = StrayVectors(document_id, version, count)
        with database.read() as session:
            is_stray = _nobody_needs(session, stray)
        if is_stray:
            yield stray


def _remove(database: Database, store: VectorStore, stray: StrayVectors, note: Note) -> int:
    with database.write() as session:
        # The rows stay locked meanwhile: no new attempt can begin to write what is removed here.
        if not _nobody_needs(session, stray):
            return 0
        count = store.delete(document_id=stray.document_id, version=stray.version)
        if count:
            note(session, "vectors", Removed(count))
    return count


def _nobody_needs(session: Session, stray: StrayVectors) -> bool:
    document = session.get(Document, stray.document_id, with_for_update=True)
    if document is None or stray.version is None:
        return document is None
    outcomes = session.scalars(
        sa.select(Job.outcome)
        .where(Job.document_id == stray.document_id, Job.version == stray.version)
        .with_for_update()
    )
    return document.published_version != stray.version and None not in outcomes.all()


_PUBLISHED = (
    sa.select(Document.project_id, sa.func.count())
    .join(Chunk, Chunk.document_id == Document.id)
    .where(Chunk.version == Document.published_version)
    .group_by(Document.project_id)
)
_known = sa.union(sa.select(Project.id), sa.select(Job.project_id)).subquery()
# A project that is being deleted gives its own receipt.
_PROJECTS = sa.select(_known.c.id).where(
    _known.c.id.is_not(None),
    ~sa.exists().where(Job.project_id == _known.c.id, Job.kind == "delete", Job.outcome.is_(None)),
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
