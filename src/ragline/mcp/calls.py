"""What every call brings along, and the wait for a job's end."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from fastapi.concurrency import run_in_threadpool
from starlette.types import Scope

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.errors import NotFound
from ragline.http.under_way import waits_for_work
from ragline.jobs.event_tail import job_topic
from ragline.jobs.reading import get_job
from ragline.jobs.schemas import JobView
from ragline.jobs.states import ENDED
from ragline.mcp.face import Parts
from ragline.projects import service as projects

LOOK_SECONDS = 5.0
"""Time between two looks at a job without an event: places in the queue change silently."""

Report = Callable[[float, float | None, str], Awaitable[None]]
"""Tells a waiting client what is done, of how much, in words."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request of a caller; `report` tells it of progress."""

    parts: Parts
    caller: Caller
    scope: Scope
    report: Report

    @property
    def runtime(self) -> Runtime:
        """What services need."""
        return self.parts.runtime

    async def wait(self, job_id: str, *, seconds: float) -> JobView:
        """Return a job once it has ended, or as it is when time is up or the process stops.

        Raises `Overloaded` where as many wait as this process serves.
        """
        look = partial(get_job, self.runtime, self.caller.tenant_id, job_id)
        waits_for_work(self.scope)
        deadline = time.monotonic() + seconds
        told = -1.0
        with self.parts.events.admitted(job_topic(job_id)) as listener:
            while True:
                listener.woken.clear()
                job = await run_in_threadpool(look)
                left = deadline - time.monotonic()
                if job.status in ENDED or left <= 0 or self.parts.events.is_closing:
                    return job
                if job.progress.done > told:
                    told = job.progress.done
                    await self.report(told, job.progress.total, words_of(job))
                await listener.wait(min(left, LOOK_SECONDS))


def words_of(job: JobView) -> str:
    """Say in a few words how far a job is."""
    if job.status in ENDED:
        return job.error.detail if job.error else job.status
    if job.queue_position is not None:
        return f"{job.status}, number {job.queue_position} in its queue"
    if job.waiting_for is not None:
        return f"{job.status}, waits for {job.waiting_for}"
    done, total, unit = job.progress.done, job.progress.total, job.progress.unit
    return f"{job.status}, {done} {unit} done" + (f" of {total}" if total is not None else "")


def find_project(call: Call, named: str) -> str:
    """Return the id of a project that is named by its id or its name."""
    try:
        return projects.get_project(call.runtime, call.caller, named).id
    except NotFound:
        found, _ = projects.list_projects(
            call.runtime, call.caller, name=named, limit=1, after=None
        )
    if not found:
        raise NotFound(
            f"There is no project with the id or the name {named!r}; list_projects names yours."
        )
    return found[0].id
