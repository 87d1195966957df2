"""The events of an answer as visitors of a share see them: pieces and progress, nothing else."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import sqlalchemy as sa
from fastapi.sse import format_sse_event
from starlette.types import Receive, Scope, Send

from ragline.bootstrap import Runtime
from ragline.chat.deltas import DELTA, RESTART
from ragline.conversations.shares_limits import no_such_share
from ragline.conversations.shares_public import Opened
from ragline.database import Database
from ragline.errors import InvalidInput, Overloaded
from ragline.jobs.event_hub import Batch, EventHub, EventStream
from ragline.jobs.event_tail import job_topic
from ragline.jobs.streams import BATCH, GAP
from ragline.models import Agent, Event, Job, Share, now

CITATIONS = "answer.citations"
LOOK_SECONDS = 2.0
"""A stream that hears nothing looks this often whether its share is still in force."""
PART = 4
"""One share has at most this part of the streams that a process serves."""
_JOB = (
    sa.select(Job.last_event, Job.outcome)
    .join(Share, Share.id == sa.bindparam("share_id"))
    .join(Agent, Agent.id == Share.agent_id)
    .where(
        Job.id == sa.bindparam("job_id"),
        Share.revoked_at.is_(None),
        sa.or_(Share.expires_at.is_(None), Share.expires_at > sa.bindparam("moment")),
        Agent.deleted_at.is_(None),
    )
)
_EVENTS = (
    sa.select(Event)
    .where(Event.job_id == sa.bindparam("job_id"), Event.number > sa.bindparam("after"))
    .order_by(Event.number)
    .limit(BATCH)
)


class SharedEvents:
    """The events of an answer after a number, while its share is in force.

    The job is known to be one of this share's messages.
    """

    def __init__(self, database: Database, opened: Opened, job_id: str, *, after: int) -> None:
        self.topic = job_topic(job_id)
        self.is_over = False
        self._database = database
        self._asked = {"job_id": job_id, "share_id": opened.share_id}
        self._after = after

    def open(self) -> None:
        """Look before the stream starts; `is_over` then tells if nothing will come.

        Raises:
            NotFound: the share has ended, or the answer is gone.
            InvalidInput: it has no event of that number.
        """
        with self._database.read() as session:
            job = session.execute(_JOB, self._asked | {"moment": now()}).first()
        if job is None:
            raise no_such_share()
        if self._after > job.last_event:
            raise InvalidInput(f"The latest event is {job.last_event}; leave out where to go on.")
        self.is_over = job.outcome is not None and self._after == job.last_event

    def read(self) -> Batch:
        """Return the next events; it has ended with the answer, or with the share."""
        with self._database.read() as session:
            job = session.execute(_JOB, self._asked | {"moment": now()}).first()
            if job is None:
                return Batch([], ended=True)
            asked = {"job_id": self._asked["job_id"], "after": self._after}
            events = session.scalars(_EVENTS, asked).all()
        frames = []
        for event in events:
            if event.number > self._after + 1:
                frames.append(_told(event.number - 1, GAP, {}))
            frames.append(_told(event.number, event.type, _shown(event)))
            self._after = event.number
        is_full = len(events) == BATCH
        if not is_full and self._after < job.last_event:
            self._after = job.last_event
            frames.append(_told(self._after, GAP, {}))
        ended = job.outcome is not None and self._after == job.last_event
        return Batch(frames, more=is_full or self._after > job.last_event, ended=ended)


class SharedStream(EventStream):
    """A visitor's stream; those of one share leave room for the streams of all others."""

    def __init__(
        self, hub: EventHub, source: SharedEvents, runtime: Runtime, opened: Opened
    ) -> None:
        super().__init__(hub, source, heartbeat_seconds=LOOK_SECONDS)
        self._open: Counter[str] = runtime.kept.setdefault("streams of shares", Counter())
        self._most = max(1, runtime.settings.max_streams // PART)
        self._share_id = opened.share_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream; `Overloaded` is raised before the first byte."""
        if self._open[self._share_id] >= self._most:
            raise Overloaded("Many answers are being followed here; come back in a moment.")
        self._open[self._share_id] += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._open[self._share_id] -= 1
            if not self._open[self._share_id]:
                del self._open[self._share_id]


def _shown(event: Event) -> dict[str, Any] | None:
    """Return of an event what visitors may see; None for those that are not theirs."""
    if event.type == DELTA:
        return {"text": event.details.get("text", "")}
    if event.type == CITATIONS:
        fields = ("title", "page", "quote")
        quotes = [{f: each[f] for f in fields} for each in event.details.get("citations", ())]
        return {"citations": quotes}
    is_told = event.type == RESTART or event.type.startswith("job.")
    return {} if is_told else None


def _told(number: int, type: str, fields: dict[str, Any] | None) -> bytes:
    if fields is None:
        return format_sse_event(id=str(number))
    data = json.dumps({**fields, "number": number, "type": type}, separators=(",", ":"))
    return format_sse_event(id=str(number), event=type, data_str=data)
