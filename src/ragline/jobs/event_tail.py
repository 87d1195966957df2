"""The newest events of all jobs, and which of them may be shown in their order."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from ragline.database import Database
from ragline.models import Event

MOST_AT_ONCE = 1000
Position = tuple[int, int]
"""A place in the order of all events: the id of the writing transaction, then the cursor."""
START: Position = (0, 0)


class OldestOpenTransaction(sa.ColumnElement[int]):
    """The id of the oldest transaction that may still write on PostgreSQL, 1 on SQLite."""

    inherit_cache = True
    type = sa.BigInteger()


@compiles(OldestOpenTransaction)
def _always_settled(_element: OldestOpenTransaction, _compiler: Any, **_options: Any) -> str:
    return "1"


@compiles(OldestOpenTransaction, "postgresql")
def _oldest_open(_element: OldestOpenTransaction, _compiler: Any, **_options: Any) -> str:
    return "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)"


SETTLED = Event.transaction_id < OldestOpenTransaction()
"""Nothing can come before such an event any more: who is past it has missed nothing."""
BEHIND = sa.tuple_(Event.transaction_id, Event.cursor) > sa.tuple_(
    sa.bindparam("transaction_id", type_=sa.BigInteger),
    sa.bindparam("cursor", type_=sa.BigInteger),
)
ORDER = (Event.transaction_id, Event.cursor)
_NEWEST = (
    sa.select(Event.transaction_id, Event.cursor)
    .where(SETTLED)
    .order_by(Event.transaction_id.desc(), Event.cursor.desc())
    .limit(1)
)
_NEW = (
    sa.select(
        Event.transaction_id, Event.cursor, Event.job_id, Event.project_id, SETTLED.label("settled")
    )
    .where(BEHIND)
    .order_by(*ORDER)
    .limit(MOST_AT_ONCE)
)


def job_topic(job_id: str) -> str:
    """Return what a stream of a job's events listens to."""
    return f"job {job_id}"


def project_topic(project_id: str) -> str:
    """Return what a stream of a project's events listens to."""
    return f"project {project_id}"


def newest(session: Any, *conditions: sa.ColumnElement[bool]) -> Position:
    """Return the place of the newest settled event, of those that meet the conditions."""
    row = session.execute(_NEWEST.where(*conditions)).first()
    return START if row is None else (row[0], row[1])


class Tail:
    """The end of all events, as far as it was seen by this reader."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._position: Position | None = None
        self._shown: set[int] = set()

    def look(self) -> set[str] | None:
        """Return the topics with events since the last look; None: any may have some.

        An event of a job is told of at once: its numbers order it. To projects it is told
        when it is settled. Behind a transaction that stays open while a thousand events are
        written, jobs are told no more; their streams then look at their heartbeats.
        """
        with self._database.read() as session:
            if self._position is None:
                self._position = newest(session)
                return None
            place = {"transaction_id": self._position[0], "cursor": self._position[1]}
            rows = session.execute(_NEW, place).all()
        topics = set()
        for transaction_id, cursor, job_id, project_id, settled in rows:
            if cursor not in self._shown:
                topics.add(job_topic(job_id))
            if not settled:
                self._shown.add(cursor)
                continue
            self._shown.discard(cursor)
            self._position = transaction_id, cursor
            if project_id is not None:
                topics.add(project_topic(project_id))
        return topics
