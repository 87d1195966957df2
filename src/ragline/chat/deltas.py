"""The pieces of an answer as events of its job: in batches, never word by word.

Each batch is one transaction behind the job's fence, so that a cancelled or superseded
attempt writes none. Joined since the last `answer.restart`, they are the answer.
"""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.chat.rendering import Rendering
from ragline.jobs import service as jobs
from ragline.jobs.event_hub import nudge
from ragline.models import Event

DELTA, RESTART = "answer.delta", "answer.restart"
FLUSH_SECONDS = 0.15
FLUSH_CHARACTERS = 2048
LOOK_SECONDS = 1.0
"""Time between two looks whether the job still wants its answer."""


class Deltas:
    """Takes an answer's text as it comes; where nobody `listens`, only the fence is looked at."""

    def __init__(self, runtime: Runtime, job_id: str, workflow_id: str, *, listens: bool) -> None:
        self._runtime = runtime
        self._ids = job_id, workflow_id
        self._listens = listens
        self._rendering = Rendering()
        self._text = ""
        self._looked = time.monotonic()
        self._written = 0.0

    def begin(self) -> None:
        """Tell listeners to drop what an earlier run of this step has sent."""
        if not self._listens:
            return
        with self._runtime.database.read() as session:
            last = session.scalar(_LAST, {"of_job": self._ids[0]})
        if last == DELTA:
            tell(self._runtime, *self._ids, RESTART)

    def add(self, text: str) -> None:
        """Take some text; it is written when it is time, the first of it at once."""
        self._text += self._rendering.feed(text)

    @property
    def patience(self) -> float:
        """Seconds until `flush` has something to do."""
        due = self._looked + LOOK_SECONDS
        if self._text and self._listens:
            is_full = len(self._text) >= FLUSH_CHARACTERS
            due = 0.0 if is_full else self._written + FLUSH_SECONDS
        return max(0.0, due - time.monotonic())

    def flush(self) -> None:
        """Write what is due; raise `Superseded` where the job does not want it any more."""
        if self.patience > 0:
            return
        self._looked = time.monotonic()
        if self._text and self._listens:
            self._written = self._looked
            text, self._text = self._text, ""
            tell(self._runtime, *self._ids, DELTA, text=text)
            return
        with self._runtime.database.read() as session:
            jobs.open_job(session, *self._ids)

    def end(self) -> None:
        """Write the rest."""
        self._text += self._rendering.end()
        if self._text and self._listens:
            tell(self._runtime, *self._ids, DELTA, text=self._text)
        self._text = ""


def tell(runtime: Runtime, job_id: str, workflow_id: str, type: str, **details: Any) -> None:
    """Write an event of an open job, and wake the streams of this process at once."""

    def write() -> None:
        with runtime.database.write() as session:
            jobs.tell(session, job_id, workflow_id, type, **details)

    # A database that is away must not make the step begin anew: the answer is paid for.
    runtime.engine.patiently(write)
    nudge(runtime, job_id)


_LAST = (
    sa.select(Event.type)
    .where(Event.job_id == sa.bindparam("of_job"), Event.type.in_((DELTA, RESTART)))
    .order_by(Event.number.desc())
    .limit(1)
)
