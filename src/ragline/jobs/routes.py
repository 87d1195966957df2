"""Jobs over HTTP: list them, look at one, wait for its end."""

from __future__ import annotations

import time
from typing import Annotated

import anyio
from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool

from ragline.accounts.access import CallerParameter, RuntimeParameter
from ragline.jobs.reading import JobFilter, get_job, list_jobs
from ragline.jobs.schemas import ENDED, JobList, JobView, Status

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

MAX_WAIT_SECONDS = 60
_FIRST_LOOK_SECONDS = 0.05
_SLOWEST_LOOK_SECONDS = 0.5


@router.get("")
def jobs(
    runtime: RuntimeParameter,
    caller: CallerParameter,
    status: Status | None = None,
    kind: str | None = None,
    project: str | None = None,
    parent: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: str | None = None,
) -> JobList:
    """List your jobs, newest first."""
    wanted = JobFilter(status, kind, project, parent)
    views, more = list_jobs(runtime, caller.tenant_id, wanted, limit=limit, after=after)
    return JobList(jobs=views, has_more=more)


@router.get("/{job_id}")
async def job(
    job_id: str,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT_SECONDS)] = 0,
) -> JobView:
    """Return a job, after waiting up to `wait` seconds for its end."""
    deadline = time.monotonic() + wait
    pause = _FIRST_LOOK_SECONDS
    while True:
        view = await run_in_threadpool(get_job, runtime, caller.tenant_id, job_id)
        left = deadline - time.monotonic()
        if view.status in ENDED or left <= 0:
            return view
        # Between two looks nothing is held: no connection, no thread.
        await anyio.sleep(min(pause, left))
        pause = min(pause * 1.5, _SLOWEST_LOOK_SECONDS)
