"""Jobs over HTTP: list them, look at one, wait for its end, cancel, retry."""

from __future__ import annotations

import time
from typing import Annotated

import anyio
from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import AwareDatetime

from ragline.accounts.access import CallerParameter, EditorParameter, RuntimeParameter
from ragline.bootstrap import Runtime
from ragline.errors import InvalidInput
from ragline.http.idempotency import KeyHeader, Named, Once, once
from ragline.jobs import control
from ragline.jobs.reading import JobFilter, find_retriable, get_job, get_jobs, list_jobs
from ragline.jobs.schemas import JobList, JobView, RetryFilter
from ragline.jobs.states import ENDED, RETRIED, Kind, Status

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


MAX_WAIT_SECONDS = 60
_FIRST_LOOK_SECONDS = 0.05
_SLOWEST_LOOK_SECONDS = 0.5


@router.get("")
def jobs(
    runtime: RuntimeParameter,
    caller: CallerParameter,
    status: Status | None = None,
    kind: Kind | None = None,
    project: str | None = None,
    parent: str | None = None,
    tag: str | None = None,
    created_after: AwareDatetime | None = None,
    created_before: AwareDatetime | None = None,
    dismissed: bool | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: str | None = None,
) -> JobList:
    """List your jobs, newest first."""
    wanted = JobFilter(status, kind, project, parent, tag, created_after, created_before, dismissed)
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
    return await wait_for_end(runtime, caller.tenant_id, job_id, seconds=wait)


@router.post("/{job_id}/cancel", status_code=202)
def cancel(
    job_id: str, runtime: RuntimeParameter, caller: EditorParameter, response: Response
) -> JobView:
    """Stop a job and undo what it built; 200 where that is done already."""
    control.cancel(runtime, caller.tenant_id, job_id)
    view = get_job(runtime, caller.tenant_id, job_id)
    response.status_code = 200 if view.status in ENDED else 202
    return view


@router.post("/{job_id}/retry", status_code=202)
def retry(
    job_id: str,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    idempotency_key: KeyHeader = None,
) -> JobView:
    """Begin another attempt of a failed or cancelled job where the last one stopped."""
    request = Once(caller.tenant_id, idempotency_key, ("retry", job_id))

    def begin() -> Named:
        control.retry(runtime, caller.tenant_id, job_id)
        return Named(id=job_id)

    once(runtime.database, request, Named, begin)
    return get_job(runtime, caller.tenant_id, job_id)


@router.post("/{job_id}/dismiss")
def dismiss(job_id: str, runtime: RuntimeParameter, caller: EditorParameter) -> JobView:
    """Let a failed job go at the next clean-up."""
    control.dismiss(runtime, caller.tenant_id, job_id)
    return get_job(runtime, caller.tenant_id, job_id)


@router.post("/retry", status_code=202)
def retry_many(wanted: RetryFilter, runtime: RuntimeParameter, caller: EditorParameter) -> JobList:
    """Retry all failed, or all cancelled, jobs that fit; ask again while there are more."""
    if wanted.status not in RETRIED:
        raise InvalidInput("Only jobs that failed or were cancelled can be retried.")
    found, more = find_retriable(
        runtime,
        caller.tenant_id,
        JobFilter(wanted.status, wanted.kind, wanted.project, tag=wanted.tag, dismissed=False),
        limit=wanted.limit,
    )
    retried = control.retry_all(runtime, caller.tenant_id, found)
    return JobList(jobs=get_jobs(runtime, caller.tenant_id, retried), has_more=more)


async def wait_for_end(runtime: Runtime, tenant_id: str, job_id: str, *, seconds: float) -> JobView:
    """Return a job once it has ended, or as it is when the time is up."""
    deadline = time.monotonic() + seconds
    pause = _FIRST_LOOK_SECONDS
    while True:
        view = await run_in_threadpool(get_job, runtime, tenant_id, job_id)
        left = deadline - time.monotonic()
        if view.status in ENDED or left <= 0:
            return view
        # Between two looks nothing is held: no connection, no thread.
        await anyio.sleep(min(pause, left))
        pause = min(pause * 1.5, _SLOWEST_LOOK_SECONDS)
