"""Questions over HTTP, answered while the caller waits, in pieces, or as a job."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from ragline.accounts.access import CallerParameter, RuntimeParameter
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.chat import admission, service
from ragline.chat.cache.control import CacheWish, CacheWishParameter
from ragline.chat.cache.service import headers_of
from ragline.chat.schemas import ChatAccepted, ChatAnswer, ChatRequest
from ragline.http.idempotency import KeyHeader
from ragline.http.prefer import Preferences, PreferencesParameter, applied
from ragline.http.under_way import waits_for_work
from ragline.jobs.event_hub import MEDIA_TYPE, EventHub, EventStream
from ragline.jobs.routes import MAX_WAIT_SECONDS, wait_for_end
from ragline.jobs.schemas import JobView
from ragline.jobs.stream_routes import HubParameter
from ragline.jobs.streams import JobEvents

router = APIRouter(prefix="/v1/projects", tags=["chat"])


@router.post(
    "/{project_id}/chat",
    response_model=ChatAnswer,
    responses={
        200: {"content": {MEDIA_TYPE: {}}, "description": "The answer; with `stream` its events."},
        202: {"model": ChatAccepted, "description": "Accepted, as `Prefer` asks for."},
    },
)
async def chat(
    project_id: str,
    body: ChatRequest,
    request: Request,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    hub: HubParameter,
    preferences: PreferencesParameter,
    wish: CacheWishParameter,
    idempotency_key: KeyHeader = None,
) -> Response:
    """Answer a question from a project's documents, with citations.

    With `stream` it becomes a job, whose events are sent as they come. With
    `Prefer: respond-async` it becomes a job, whose `result` is the answer; with `wait=10`
    beside it the answer is awaited for 10 seconds at most. `X-Ragline-Cache` says whether the
    answer was kept from before.
    """
    accept = partial(
        service.accept_question, runtime, caller, project_id, body, key=idempotency_key, wish=wish
    )
    if body.stream:
        hub.refuse_crowd()
        job = await run_in_threadpool(accept)
        return await followed(request, runtime, caller, hub, job.id)
    if preferences.respond_async or body.session_id is not None:
        if not preferences.respond_async:
            preferences = replace(preferences, wait=preferences.wait or MAX_WAIT_SECONDS)
        job = await run_in_threadpool(accept)
        return await _accepted(request, runtime, caller, job, preferences, wish)
    question = service.question_to(project_id, body, wish)
    # A kept answer takes no place among the questions in progress.
    looked = await run_in_threadpool(service.look, runtime, caller, question)
    given = looked.answer
    if given is None:
        answer = partial(service.answer, runtime, caller, project_id, question, looked=looked)
        with admission.counted(runtime):
            await run_in_threadpool(admission.refuse_crowd, runtime)
            limiter = request.app.state.chat_limiter
            given = await anyio.to_thread.run_sync(answer, limiter=limiter)
    headers = headers_of(runtime, wish, given.usage.cached)
    return JSONResponse(given.model_dump(mode="json"), headers=headers)


async def followed(
    request: Request, runtime: Runtime, caller: Caller, hub: EventHub, job_id: str
) -> Response:
    """Return the events of a job from its first, as they come; whoever breaks off can go on.

    `Location` names the job, at whose `events` a `Last-Event-ID` continues the stream.
    """
    waits_for_work(request.scope)
    source = JobEvents(runtime.database, caller, job_id, after=0)
    await hub.run(source.open)
    response = EventStream(hub, source)
    response.headers["Location"] = f"/v1/jobs/{job_id}"
    return response


async def _accepted(
    request: Request,
    runtime: Runtime,
    caller: Caller,
    job: JobView,
    preferences: Preferences,
    wish: CacheWish,
) -> Response:
    """Return 200 with the answer if it is there in the time its sender waits, else 202."""
    if preferences.wait is not None:
        waits_for_work(request.scope)
        seconds = min(preferences.wait, MAX_WAIT_SECONDS)
        preferences = replace(preferences, wait=seconds)
        job = await wait_for_end(runtime, caller.tenant_id, job.id, seconds=seconds)
    headers = applied(preferences)
    if job.status == "completed":
        headers |= headers_of(runtime, wish, _cached(job.result))
        return JSONResponse(job.result, headers=headers)
    content = ChatAccepted(job=job).model_dump(mode="json")
    return JSONResponse(content, 202, headers=headers | {"Location": f"/v1/jobs/{job.id}"})


def _cached(result: Any) -> object:
    """Return what a job's answer says of the cache; one that was erased says nothing."""
    usage = result.get("usage") if isinstance(result, dict) else None
    return usage.get("cached") if isinstance(usage, dict) else None
