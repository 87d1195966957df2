"""Streams of background responses: the job's events as the response's, from any of them on."""

from __future__ import annotations

import sqlalchemy as sa

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.jobs.event_hub import Batch
from ragline.jobs.event_tail import job_topic
from ragline.models import ApiKey, Event, Job, StoredResponse
from ragline.openai_api.completions_objects import frame
from ragline.openai_api.errors import refused
from ragline.openai_api.responses_plan import head_of
from ragline.openai_api.responses_reading import stored
from ragline.openai_api.responses_script import Script
from ragline.openai_api.responses_telling import Teller

BATCH = 500


class ResponseEvents:
    """The events of a background response behind a number, until its end.

    They are made of the job's events from the first one on, so that each bears the same number
    for every reader; those up to `after` are left out.
    """

    topic = ""

    def __init__(self, runtime: Runtime, caller: Caller, given: str, *, after: int | None) -> None:
        """`after` is the last sequence number that the reader has, None for none."""
        self._runtime = runtime
        self._caller = caller
        self._given = given
        self._after = -1 if after is None else after
        self._read = 0
        self._job_id = ""
        self._teller: Teller

    def open(self) -> None:
        """Look at the response before the stream starts.

        Raises:
            NotFound: the tenant has no such response.
            RequestValidationError: it was not made in the background, or its events are gone.
        """
        found = stored(self._runtime, self._caller.tenant_id, self._given)
        if found.row.job_id is None:
            raise refused("stream", "is for responses that were made with background: true")
        if found.job is None or not self._has_all(found.row.job_id):
            raise refused("stream", "came too late: the events of this response are not kept")
        self._job_id, self.topic = found.job.id, job_topic(found.job.id)
        head = head_of(found.row.id, found.row.created_at, found.row.request)
        self._teller = Teller(self._runtime, Script(head))

    def read(self) -> Batch:
        """Return the next events; it has ended after the one that ended the response."""
        values = {"job_id": self._job_id, "key_id": self._caller.key_id}
        with self._runtime.database.read() as session:
            # The job first: its events are then at least as new as what it says of itself.
            job = session.scalar(_JOB, values)
            if job is None:
                return Batch([], ended=True)
            events = session.scalars(_EVENTS, {"job_id": self._job_id, "after": self._read}).all()
        frames = []
        for event in events:
            if event.number > job.last_event:
                break  # written after the job was read: the next look has both
            self._read = event.number
            frames += [
                frame(told, event=told["type"])
                for told in self._teller.told(job, event)
                if told["sequence_number"] > self._after
            ]
        ended = job.outcome is not None and self._read == job.last_event
        return Batch(frames, more=len(events) == BATCH, ended=ended)

    def _has_all(self, job_id: str) -> bool:
        """Tell whether no event of a job was removed for its age, or with its words."""
        with self._runtime.database.read() as session:
            count, last = session.execute(_COUNTED, {"job_id": job_id}).one()
        return bool(count == last)


_JOB = sa.select(Job).where(
    Job.id == sa.bindparam("job_id"),
    sa.exists().where(StoredResponse.job_id == Job.id),
    # A stream outlives its request: what was allowed at its start is looked at again.
    sa.exists().where(ApiKey.id == sa.bindparam("key_id"), ApiKey.revoked_at.is_(None)),
)
_EVENTS = (
    sa.select(Event)
    .where(Event.job_id == sa.bindparam("job_id"), Event.number > sa.bindparam("after"))
    .order_by(Event.number)
    .limit(BATCH)
)
_COUNTED = sa.select(sa.func.count(), sa.func.coalesce(sa.func.max(Event.number), -1)).where(
    Event.job_id == sa.bindparam("job_id")
)
