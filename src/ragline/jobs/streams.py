"""What event streams tell: the events of a job by their numbers, of a project in their order."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from fastapi.sse import format_sse_event
from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.database import Database
from ragline.errors import InvalidInput, NotFound
from ragline.jobs.event_hub import Batch, Seen
from ragline.jobs.event_tail import (
    BEHIND,
    ORDER,
    SETTLED,
    START,
    Position,
    job_topic,
    newest,
    project_topic,
)
from ragline.models import ApiKey, Event, Job, Project, now

BATCH = 500
GAP = "stream.gap"
_NUMBER = re.compile(r"[0-9]{1,9}")
_PLACE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")

# A stream outlives its request: what was allowed at its start is looked at again.
_IN_FORCE = sa.exists().where(ApiKey.id == sa.bindparam("key_id"), ApiKey.revoked_at.is_(None))
_JOB = sa.select(Job.last_event, Job.outcome).where(
    Job.id == sa.bindparam("job_id"), Job.tenant_id == sa.bindparam("tenant_id"), _IN_FORCE
)
# Columns: a reader of many streams spends most of its time on making objects of rows.
_TOLD = (Event.job_id, Event.project_id, Event.number, Event.type, Event.details, Event.created_at)
_EVENTS_OF_JOB = (
    sa.select(*_TOLD)
    .where(Event.job_id == sa.bindparam("job_id"), Event.number > sa.bindparam("after"))
    .order_by(Event.number)
    .limit(BATCH)
)
_PROJECT = sa.select(Project.id).where(
    Project.id == sa.bindparam("project_id"),
    Project.tenant_id == sa.bindparam("tenant_id"),
    Project.deleted_at.is_(None),
    _IN_FORCE,
)
_EVENTS_OF_PROJECT = (
    sa.select(Event)
    .where(Event.project_id == sa.bindparam("project_id"), BEHIND, SETTLED)
    .order_by(*ORDER)
    .limit(BATCH)
)


class JobEvents:
    """The events of a job after a number, until the end of its latest attempt."""

    def __init__(self, database: Database, caller: Caller, job_id: str, *, after: int) -> None:
        self.topic = job_topic(job_id)
        self.is_over = False
        self._database = database
        self._job_id = job_id
        self._after = after
        self._asked = {"job_id": job_id, "tenant_id": caller.tenant_id, "key_id": caller.key_id}

    def open(self) -> None:
        """Look at the job before the stream starts; `is_over` then tells if nothing will come.

        Raises:
            NotFound: the caller has no such job.
            InvalidInput: it has no event of that number.
        """
        with self._database.read() as session:
            job = session.execute(_JOB, self._asked).first()
        if job is None:
            raise NotFound(f"There is no job with the id {self._job_id!r}.")
        if self._after > job.last_event:
            raise InvalidInput(
                f"The job has no event {self._after}; its latest one is {job.last_event}."
            )
        self.is_over = job.outcome is not None and self._after == job.last_event

    @property
    def place(self) -> Hashable:
        """Whose stream it is, of which job, behind which event."""
        return (*self._asked.values(), self._after)

    def read(self) -> Batch:
        """Return the next events; it has ended after the one that ended the job."""
        return self.take(self.look())

    def look(self) -> Seen:
        """Return the next events, and the number of the last one, without going on."""
        after = self._after
        with self._database.read() as session:
            # The job first: its events are then at least as new as what it says of itself.
            job = session.execute(_JOB, self._asked).first()
            if job is None:
                return Seen(Batch([], ended=True), after)
            asked = {"job_id": self._job_id, "after": after}
            events = session.execute(_EVENTS_OF_JOB, asked).all()
        frames = []
        for event in events:
            frames += self._gap(after, event.number)
            frames.append(_frame(str(event.number), event))
            after = event.number
        is_full = len(events) == BATCH
        if not is_full:
            frames += self._gap(after, job.last_event + 1)
            after = max(after, job.last_event)
        ended = job.outcome is not None and after == job.last_event
        return Seen(Batch(frames, more=is_full or after > job.last_event, ended=ended), after)

    def take(self, seen: Seen) -> Batch:
        """Go on behind the last event of a look."""
        self._after = seen.after
        return seen.batch

    def _gap(self, after: int, number: int) -> list[bytes]:
        """Tell which events were removed, if any stood between one and this number."""
        first, last = after + 1, number - 1
        if first > last:
            return []
        return [_told(str(last), GAP, job_id=self._job_id, first=first, last=last)]


class ProjectEvents:
    """The events of all jobs of a project behind a place in their order, for ever.

    Without a place it starts with what is new, and tells where that is.
    """

    def __init__(
        self, runtime: Runtime, caller: Caller, project_id: str, *, after: Position | None
    ) -> None:
        self.topic = project_topic(project_id)
        self._database = runtime.database
        self._kept_since = now() - timedelta(days=runtime.settings.keep_events_days)
        self._project_id = project_id
        self._after = after
        self._tenant_id = caller.tenant_id
        self._first: list[bytes] = []
        self._asked = {
            "project_id": project_id,
            "tenant_id": caller.tenant_id,
            "key_id": caller.key_id,
        }

    def open(self) -> None:
        """Find the place to start from.

        Raises:
            NotFound: the caller has no such project.
        """
        with self._database.read() as session:
            project = owned_project(session, self._tenant_id, self._project_id)
            if self._after is None:
                self._after = newest(session, Event.project_id == self._project_id)
                self._first = [format_sse_event(id=_id(self._after))]
                return
            gap = self._may_lack(session, project.created_at)
            # A place ahead of all events is one that a restored database does not know yet.
            self._after = min(self._after, newest(session))
        if gap:
            details = {"before": _time(self._kept_since)}
            frame = _told(_id(self._after), GAP, project_id=self._project_id, **details)
            self._first = [frame]

    def read(self) -> Batch:
        """Return the next events; it has ended where the project is gone."""
        assert self._after is not None, "read before it was opened"
        frames, self._first = self._first, []
        place = {"transaction_id": self._after[0], "cursor": self._after[1]}
        with self._database.read() as session:
            if session.scalar(_PROJECT, self._asked) is None:
                return Batch([], ended=True)
            asked = {"project_id": self._project_id, **place}
            events = session.scalars(_EVENTS_OF_PROJECT, asked).all()
        for event in events:
            self._after = event.transaction_id, event.cursor
            frames.append(_frame(_id(self._after), event))
        return Batch(frames, more=len(events) == BATCH)

    def _may_lack(self, session: Session, project_made: datetime) -> bool:
        """Tell whether events behind the place may have been removed for their age."""
        if self._after == START:
            return project_made < self._kept_since
        assert self._after is not None, "a place was given"
        written = session.scalar(
            sa.select(Event.created_at).where(
                Event.cursor == self._after[1],
                Event.transaction_id == self._after[0],
                Event.project_id == self._project_id,
            )
        )
        return written is None or written < self._kept_since


def number_of(last_event_id: str) -> int:
    """Return the number that an id in a job's stream stands for."""
    if not _NUMBER.fullmatch(last_event_id):
        raise InvalidInput(
            "The id to continue after must be the number of an event, such as 12; "
            "leave it out to begin with the first."
        )
    return int(last_event_id)


def place_of(last_event_id: str) -> Position:
    """Return the place that an id in a project's stream stands for."""
    found = _PLACE.fullmatch(last_event_id)
    if found is None:
        raise InvalidInput(
            "The id to continue after must be one that this stream sent; "
            "leave it out to begin with new events, or send from=start for all that are kept."
        )
    return int(found[1]), int(found[2])


def _id(place: Position) -> str:
    return f"{place[0]}-{place[1]}"


def _frame(id: str, event: Event | sa.Row[Any]) -> bytes:
    fields = {
        "job_id": event.job_id,
        "project_id": event.project_id,
        "number": event.number,
        "created_at": _time(event.created_at),
    }
    return _told(id, event.type, **{**event.details, **fields})


def _told(id: str, type: str, **fields: Any) -> bytes:
    data = json.dumps({**fields, "type": type}, separators=(",", ":"))
    return format_sse_event(id=id, event=type, data_str=data)


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
