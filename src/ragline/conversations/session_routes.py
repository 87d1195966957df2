"""Sessions and messages over HTTP."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from ragline.accounts.access import CallerParameter, EditorParameter, RuntimeParameter
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.chat.routes import followed
from ragline.conversations import service
from ragline.conversations.schemas import (
    MessageList,
    MessageRequest,
    MessageView,
    Removed,
    SessionList,
    SessionRequest,
    SessionView,
)
from ragline.errors import Conflict
from ragline.http.idempotency import KeyHeader
from ragline.http.prefer import PreferencesParameter, applied
from ragline.http.under_way import waits_for_work
from ragline.jobs.event_hub import MEDIA_TYPE
from ragline.jobs.routes import MAX_WAIT_SECONDS, wait_for_end
from ragline.jobs.states import ENDED
from ragline.jobs.stream_routes import (
    STREAM_OR_NOTHING,
    After,
    HubParameter,
    LastEventId,
    job_events,
)

router = APIRouter(prefix="/v1", tags=["conversations"])

Limit = Annotated[int, Query(ge=1, le=200)]


@router.post("/sessions", status_code=201)
def create(
    body: SessionRequest,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    idempotency_key: KeyHeader = None,
) -> SessionView:
    """Begin a conversation with an agent."""
    return service.create_session(runtime, caller, body, key=idempotency_key)


@router.get("/sessions")
def sessions(
    runtime: RuntimeParameter,
    caller: CallerParameter,
    agent: str | None = None,
    limit: Limit = 50,
    after: str | None = None,
) -> SessionList:
    """List your conversations, newest first, all or those with one agent."""
    found, more = service.list_sessions(runtime, caller, agent_id=agent, limit=limit, after=after)
    return SessionList(sessions=found, has_more=more)


@router.get("/sessions/{session_id}")
def session(session_id: str, runtime: RuntimeParameter, caller: CallerParameter) -> SessionView:
    """Return a conversation."""
    return service.get_session(runtime, caller, session_id)


@router.delete("/sessions/{session_id}")
def delete(session_id: str, runtime: RuntimeParameter, caller: EditorParameter) -> Removed:
    """Delete a conversation with its messages; answers under way are cancelled first."""
    return service.delete_session(runtime, caller, session_id)


@router.get("/sessions/{session_id}/messages")
def messages(
    session_id: str,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    limit: Limit = 50,
    after: str | None = None,
) -> MessageList:
    """List the messages of a conversation in their order."""
    found, more = service.list_messages(runtime, caller, session_id, limit=limit, after=after)
    return MessageList(messages=found, has_more=more)


@router.post(
    "/sessions/{session_id}/messages",
    status_code=202,
    response_model=MessageView,
    responses={
        200: {
            "model": MessageView,
            "content": {MEDIA_TYPE: {}},
            "description": "Answered in the time to wait; with `stream` the answer's events.",
        }
    },
)
async def send(
    session_id: str,
    body: MessageRequest,
    request: Request,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    hub: HubParameter,
    preferences: PreferencesParameter,
    idempotency_key: KeyHeader = None,
) -> Response:
    """Say something in a conversation; the answer is a message that a job fills.

    With `stream` its events are sent as they come. With `Prefer: wait=20` the answer is 200
    with the finished message if that takes no longer.
    """
    if body.stream:
        hub.refuse_crowd()
    accept = partial(service.send_message, runtime, caller, session_id, body, key=idempotency_key)
    message = await run_in_threadpool(accept)
    assert message.job_id is not None, "an answer has a job"
    if body.stream:
        return await followed(request, runtime, caller, hub, message.job_id)
    if preferences.wait is not None:
        waits_for_work(request.scope)
        preferences = replace(preferences, wait=min(preferences.wait, MAX_WAIT_SECONDS))
        message = await _ended(runtime, caller, message, preferences.wait or 0)
    location = {"Location": f"/v1/jobs/{message.job_id}"}
    content = message.model_dump(mode="json")
    status = 200 if message.status in ENDED else 202
    return JSONResponse(content, status, headers=applied(preferences) | location)


@router.get("/messages/{message_id}")
async def message(
    message_id: str,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT_SECONDS)] = 0,
) -> MessageView:
    """Return a message, after waiting up to `wait` seconds for its answer."""
    found = await run_in_threadpool(service.get_message, runtime, caller, message_id)
    return await _ended(runtime, caller, found, wait) if wait else found


@router.post("/messages/{message_id}/retry", status_code=202)
def retry(
    message_id: str,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    idempotency_key: KeyHeader = None,
) -> MessageView:
    """Try again to answer a message that failed or was cancelled."""
    return service.retry_message(runtime, caller, message_id, key=idempotency_key)


@router.post("/messages/{message_id}/cancel", status_code=202)
def cancel(
    message_id: str, runtime: RuntimeParameter, caller: EditorParameter, response: Response
) -> MessageView:
    """Stop the answering of a message; 200 where that is done already."""
    message = service.cancel_message(runtime, caller, message_id)
    response.status_code = 200 if message.status in ENDED else 202
    return message


@router.get("/messages/{message_id}/events", response_class=Response, responses=STREAM_OR_NOTHING)
async def events(
    message_id: str,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    hub: HubParameter,
    last_event_id: LastEventId = None,
    after: After = None,
) -> Response:
    """Follow the events of a message's job, from the first or behind `Last-Event-ID`."""
    found = await hub.run(partial(service.get_message, runtime, caller, message_id))
    if found.job_id is None:
        raise Conflict("This message was said by the user; only answers have events.")
    return await job_events(found.job_id, runtime, caller, hub, last_event_id, after)


async def _ended(
    runtime: Runtime, caller: Caller, message: MessageView, seconds: float
) -> MessageView:
    """Return a message once its job has ended, or as it is when the time is up."""
    if message.job_id is None or message.status in ENDED:
        return message
    await wait_for_end(runtime, caller.tenant_id, message.job_id, seconds=seconds)
    look = partial(service.get_message, runtime, caller, message.message_id)
    return await run_in_threadpool(look)
