"""Jobs as the protocol's tasks: a call that becomes a job is followed under the job's id.

Two revisions differ. In 2025-11-25 a client asks for a task with the call, and fetches the result
by `tasks/result`. In 2026-07-28 tasks are an extension: a client says that it knows them, the
server decides, and `tasks/get` brings the result.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, Literal

from fastapi.concurrency import run_in_threadpool
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolResult,
    ListTasksResult,
    Task,
)

from ragline.accounts.service import Role
from ragline.errors import NotFound, RaglineError
from ragline.jobs import control
from ragline.jobs.reading import JobFilter, list_jobs
from ragline.jobs.schemas import JobView
from ragline.jobs.states import ENDED
from ragline.mcp.calls import Call, words_of
from ragline.mcp.jobs import KINDS, get_task_job, result_of
from ragline.mcp.results import failed, succeeded

EXTENSION = "io.modelcontextprotocol/tasks"
RELATED = "io.modelcontextprotocol/related-task"
CAPABILITY: dict[str, Any] = {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}
"""What a server of 2025-11-25 says of its tasks."""
POLL_MILLISECONDS = 1000
LISTED = 50
DAY_MILLISECONDS = 24 * 3600 * 1000

TaskWord = Literal["working", "completed", "failed", "cancelled"]


async def get(call: Call, job_id: str) -> JobView:
    """Return the job that a task is.

    Raises `MCPError` where the caller has no such task.
    """
    try:
        return await run_in_threadpool(get_task_job, call, job_id)
    except NotFound as error:
        raise MCPError(INVALID_PARAMS, error.message) from None


async def cancel(call: Call, job_id: str) -> JobView:
    """Cancel a task and return its job; one that has ended stays as it is."""
    job = await get(call, job_id)
    try:
        call.caller.require(Role.OWNER, Role.OPERATOR)
        if job.status not in ENDED:
            await run_in_threadpool(control.cancel, call.runtime, call.caller.tenant_id, job_id)
    except RaglineError as error:
        raise MCPError(INVALID_PARAMS, error.message) from None
    return await get(call, job_id)


async def result(call: Call, job_id: str) -> CallToolResult:
    """Return what the call of a task gives, after waiting for it."""
    await get(call, job_id)
    job = await call.wait(job_id, seconds=math.inf)
    if job.status not in ENDED:
        raise MCPError(INVALID_PARAMS, "The server stops; ask for the result again in a moment.")
    given = await outcome(call, job)
    return given.model_copy(update={"meta": {RELATED: {"taskId": job_id}}})


async def outcome(call: Call, job: JobView) -> CallToolResult:
    """Return what an ended job gives as the result of its call."""
    try:
        return succeeded(await run_in_threadpool(result_of, call, job))
    except RaglineError as error:
        return failed(error.message)


def has_ended(job: JobView) -> bool:
    """Tell whether a task comes to no other end."""
    return _word(job) != "working"


def listed(call: Call, cursor: str | None) -> ListTasksResult:
    """List the caller's tasks, newest first."""
    try:
        jobs, more = list_jobs(
            call.runtime, call.caller.tenant_id, JobFilter(), limit=LISTED, after=cursor
        )
    except NotFound as error:
        raise MCPError(INVALID_PARAMS, error.message) from None
    return ListTasksResult(
        tasks=[task_of(call, job) for job in jobs if job.kind in KINDS],
        next_cursor=jobs[-1].id if more else None,
    )


def task_of(call: Call, job: JobView) -> Task:
    """Return a job as a task of 2025-11-25, where a call that gave an error has failed."""
    changed = job.finished_at or job.cancel_requested_at or job.started_at or job.created_at
    return Task(
        task_id=job.id,
        status=_word(job),
        status_message=words_of(job),
        created_at=_moment(job.created_at),
        last_updated_at=_moment(changed),
        ttl=int(call.runtime.settings.keep_jobs_days * DAY_MILLISECONDS),
        poll_interval=POLL_MILLISECONDS,
    )


async def detailed(call: Call, job: JobView) -> dict[str, Any]:
    """Return a job as a task of 2026-07-28, with its result where it has ended."""
    task = task_of(call, job)
    word, more = task.status, {}
    if word in ("completed", "failed"):
        # A call that gave an error has ended like any other there; only its result says so.
        word = "completed"
        given = await outcome(call, job)
        more = {"result": given.model_dump(by_alias=True, mode="json", exclude_none=True)}
    return {
        "taskId": task.task_id,
        "status": word,
        "statusMessage": task.status_message,
        "createdAt": task.created_at,
        "lastUpdatedAt": task.last_updated_at,
        "ttlMs": task.ttl,
        "pollIntervalMs": task.poll_interval,
        **more,
    }


def _word(job: JobView) -> TaskWord:
    if job.status in ("completed", "failed", "cancelled"):
        return job.status
    # A job that is told to stop comes to no other end; it only takes back what it built.
    return "cancelled" if job.cancel_requested_at is not None else "working"


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
