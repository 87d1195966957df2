"""What stores hold that cannot tell it: rows in the database, with how many hold a term."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ragline.database import Database, insert_new
from ragline.models import HeldChunk as Row
from ragline.models import HeldProject, HeldTerm
from ragline.providers.contracts import HeldChunk, IndexedChunk, TermCounts
from ragline.providers.vectorstores.patience import batches

PAGE = 500
_TERMS = np.dtype("<u4")
_Noted = sa.Row[str, str, str, int, int, bytes]
_MARK_BITS = 62

_of_index: sa.BindParameter[str] = sa.bindparam("of_index")
_of_project: sa.BindParameter[str] = sa.bindparam("of_project")
_ids: sa.BindParameter[str] = sa.bindparam("ids", expanding=True)
_PLACE = (Row.chunk_id, Row.document_id, Row.project_id, Row.version, Row.mark)
_THESE = (Row.index_name == _of_index, Row.chunk_id.in_(_ids))
_NOTED = sa.select(*_PLACE, Row.terms).where(*_THESE)
_NOTED_SO = _NOTED.where(Row.mark.in_(sa.bindparam("marks", expanding=True)))
_FORGET = sa.delete(Row).where(*_THESE).execution_options(synchronize_session=False)
_OF_DOCUMENT = sa.select(*_PLACE).where(
    Row.index_name == _of_index, Row.document_id == sa.bindparam("of_document")
)
_PROJECTS_OF = sa.select(Row.chunk_id, Row.project_id).where(*_THESE)
_PROJECTS = sa.select(HeldProject.project_id).where(HeldProject.index_name == _of_index)
_CHUNKS = sa.select(HeldProject.chunks).where(
    HeldProject.index_name == _of_index, HeldProject.project_id == _of_project
)
_HOLDING = sa.select(HeldTerm.term, HeldTerm.holding).where(
    HeldTerm.index_name == _of_index,
    HeldTerm.project_id == _of_project,
    HeldTerm.term.in_(sa.bindparam("terms", expanding=True)),
)
_FORGET_PROJECT = [
    sa.delete(table)
    .where(table.index_name == _of_index, table.project_id == _of_project)
    .execution_options(synchronize_session=False)
    for table in (HeldTerm, HeldProject, Row)
]


class DatabaseHeldChunks:
    """Keeps what one index holds; contract `HeldChunks`.

    Writers of one project take turns, so that its counts are right however they meet.
    """

    def __init__(self, database: Database, index_name: str) -> None:
        self._database = database
        self._index = index_name

    def note(self, chunks: Sequence[IndexedChunk]) -> list[HeldChunk]:
        """Note chunks; return where those of the same ids lay until now."""
        kept = {chunk.chunk_id: chunk for chunk in chunks}
        replaced: list[HeldChunk] = []
        for batch in batches(list(kept.values()), PAGE):
            replaced += self._note(batch)
        return replaced

    def forget(self, held: Sequence[HeldChunk]) -> None:
        """Note that chunks are gone; those that were noted again meanwhile are kept."""
        for batch in batches(held, PAGE):
            values = {
                "ids": [each.chunk_id for each in batch],
                "marks": list({each.mark for each in batch}),
            }
            with self._database.write() as session:
                self._take_turns(session, {each.project_id for each in batch})
                gone = session.execute(_NOTED_SO, {"of_index": self._index, **values}).all()
                self._forget(session, gone)

    def forget_project(self, project_id: str) -> int:
        """Note that a project's chunks are gone; return how many were noted."""
        values = {"of_index": self._index, "of_project": project_id}
        with self._database.write() as session:
            self._take_turns(session, [project_id])
            results = [session.execute(statement, values) for statement in _FORGET_PROJECT]
        gone = results[-1]
        assert isinstance(gone, sa.CursorResult), "a removal counts its rows"
        return gone.rowcount

    def of_document(self, document_id: str) -> list[HeldChunk]:
        """Return what is noted for a document."""
        values = {"of_index": self._index, "of_document": document_id}
        with self._database.read() as session:
            return [HeldChunk(*row) for row in session.execute(_OF_DOCUMENT, values)]

    def projects(self) -> list[str]:
        """Return the projects that have chunks."""
        with self._database.read() as session:
            return list(session.scalars(_PROJECTS, {"of_index": self._index}))

    def counts(self, project_id: str, terms: Sequence[int]) -> TermCounts:
        """Return how many chunks a project has, and how many of them hold each of the terms."""
        values: dict[str, Any] = {"of_index": self._index, "of_project": project_id}
        holding: dict[int, int] = {}
        with self._database.read() as session:
            chunks = session.scalar(_CHUNKS, values) or 0
            for some in batches(terms, PAGE):
                rows = session.execute(_HOLDING, values | {"terms": list(some)})
                holding |= {term: held for term, held in rows}
        return TermCounts(chunks, holding)

    def _note(self, chunks: Sequence[IndexedChunk]) -> list[HeldChunk]:
        ids = [chunk.chunk_id for chunk in chunks]
        mark = secrets.randbits(_MARK_BITS)
        rows = [_row(self._index, chunk, mark) for chunk in chunks]
        with self._database.write() as session:
            before = self._projects_of(session, ids).values()
            self._take_turns(session, {*before, *(chunk.project_id for chunk in chunks)})
            replaced = session.execute(_NOTED, {"of_index": self._index, "ids": ids}).all()
            self._forget(session, replaced, added=[(row.project_id, row.terms) for row in rows])
            insert_new(session, *rows)
        return [HeldChunk(*row[:-1]) for row in replaced]

    def _take_turns(self, session: Session, project_ids: Iterable[str]) -> None:
        self._database.lock(session, *{f"held {self._index} {each}" for each in project_ids})

    def _projects_of(self, session: Session, chunk_ids: Sequence[str]) -> dict[str, str]:
        values = {"of_index": self._index, "ids": list(chunk_ids)}
        return {chunk_id: project for chunk_id, project in session.execute(_PROJECTS_OF, values)}

    def _forget(
        self, session: Session, gone: Sequence[_Noted], *, added: Iterable[tuple[str, bytes]] = ()
    ) -> None:
        """Remove rows, and count them no longer; count others that are added instead."""
        if gone:
            ids = [row.chunk_id for row in gone]
            session.execute(_FORGET, {"of_index": self._index, "ids": ids})
        self._adjust(session, added=added, removed=gone)

    def _adjust(
        self,
        session: Session,
        *,
        added: Iterable[tuple[str, bytes]],
        removed: Iterable[_Noted],
    ) -> None:
        """Count chunks that were added and no longer those that were removed or replaced."""
        chunks: Counter[str] = Counter()
        terms: Counter[tuple[str, int]] = Counter()
        before = [(row.project_id, row.terms) for row in removed]
        for change, held in ((1, added), (-1, before)):
            for project_id, packed in held:
                chunks[project_id] += change
                for term in np.frombuffer(packed, _TERMS).tolist():
                    terms[project_id, term] += change
        projects = {(project_id,): change for project_id, change in chunks.items()}
        self._count(session, HeldProject, ("project_id",), "chunks", projects)
        self._count(session, HeldTerm, ("project_id", "term"), "holding", terms)

    def _count(
        self,
        session: Session,
        table: type[HeldProject] | type[HeldTerm],
        keys: tuple[str, ...],
        column: str,
        changes: Mapping[tuple[Any, ...], int],
    ) -> None:
        """Add changes to a column of counts; rows that come to nothing go."""
        rows = [
            {"index_name": self._index, **dict(zip(keys, key, strict=True)), column: change}
            for key, change in sorted(changes.items())
            if change
        ]
        if not rows:
            return
        dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        statement = dialect.insert(table)
        counted = getattr(table, column) + statement.excluded[column]
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["index_name", *keys], set_={column: counted}
            ),
            rows,
        )
        if less := [row for row in rows if row[column] < 0]:
            named = [getattr(table, key) == sa.bindparam(f"of_{key}") for key in keys]
            empty = sa.delete(table).where(
                table.index_name == _of_index, *named, getattr(table, column) <= 0
            )
            values = [
                {"of_index": self._index, **{f"of_{key}": row[key] for key in keys}} for row in less
            ]
            session.connection().execute(empty, values)


def _row(index_name: str, chunk: IndexedChunk, mark: int) -> Row:
    return Row(
        index_name=index_name,
        chunk_id=chunk.chunk_id,
        document_id=chunk.document_id,
        project_id=chunk.project_id,
        version=chunk.version,
        terms=np.asarray(chunk.lexical.indices, _TERMS).tobytes(),
        mark=mark,
    )
