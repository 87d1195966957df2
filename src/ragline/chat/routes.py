"""Questions over HTTP, answered while the caller waits or as a job."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import anyio.to_thread
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from ragline.accounts.access import CallerParameter, RuntimeParameter
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.chat import admission, service
from ragline.chat.schemas import ChatAccepted, ChatAnswer, ChatRequest
from ragline.http.idempotency import KeyHeader
from ragline.http.prefer import Preferences, PreferencesParameter, applied
from ragline.jobs.routes import MAX_WAIT_SECONDS, wait_for_end
from ragline.jobs.schemas import JobView

router = APIRouter(prefix="/v1/projects", tags=["chat"])


@router.post(
    "/{project_id}/chat",
    response_model=ChatAnswer,
    responses={202: {"model": ChatAccepted, "description": "Accepted, as `Prefer` asks for."}},
)
async def chat(
    project_id: str,
    body: ChatRequest,
    request: Request,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    preferences: PreferencesParameter,
    idempotency_key: KeyHeader = None,
) -> ChatAnswer | Response:
    """Answer a question from a project's documents, with citations.

    With `Prefer: respond-async` it becomes a job, whose `result` is the answer; with
    `wait=10` beside it the answer is awaited for 10 seconds at most.
    """
    if preferences.respond_async:
        accept = partial(
            service.accept_question, runtime, caller, project_id, body, key=idempotency_key
        )
        job = await run_in_threadpool(accept)
        return await _accepted(runtime, caller, job, preferences)
    answer = partial(
        service.answer,
        runtime,
        caller,
        project_id,
        body.question,
        limit=body.limit,
        model=body.model,
    )
    with admission.counted(runtime):
        await run_in_threadpool(admission.refuse_crowd, runtime)
        return await anyio.to_thread.run_sync(answer, limiter=request.app.state.chat_limiter)


async def _accepted(
    runtime: Runtime, caller: Caller, job: JobView, preferences: Preferences
) -> Response:
    """Return 200 with the answer if it is there in the time its sender waits, else 202."""
    if preferences.wait is not None:
        seconds = min(preferences.wait, MAX_WAIT_SECONDS)
        preferences = replace(preferences, wait=seconds)
        job = await wait_for_end(runtime, caller.tenant_id, job.id, seconds=seconds)
    headers = applied(preferences)
    if job.status == "completed":
        return JSONResponse(job.result, headers=headers)
    content = ChatAccepted(job=job).model_dump(mode="json")
    return JSONResponse(content, 202, headers=headers | {"Location": f"/v1/jobs/{job.id}"})
