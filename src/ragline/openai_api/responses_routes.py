"""Responses over HTTP: made, looked at, followed, cancelled and deleted."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing
from functools import partial
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Query, Request
from fastapi import Response as Answer
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from starlette.responses import StreamingResponse

from ragline.accounts.access import CallerParameter, EditorParameter, RuntimeParameter
from ragline.chat.cache.control import CacheWishParameter
from ragline.errors import RaglineError
from ragline.http.idempotency import KeyHeader
from ragline.http.under_way import waits_for_work
from ragline.jobs.event_hub import HEADERS, HEARTBEAT, MEDIA_TYPE, EventStream
from ragline.jobs.stream_routes import HubParameter
from ragline.openai_api import responses_service as service
from ragline.openai_api.completions_objects import frame
from ragline.openai_api.completions_running import Running, Wanted, first_of
from ragline.openai_api.ids import shown
from ragline.openai_api.responses_plan import plan
from ragline.openai_api.responses_reading import view
from ragline.openai_api.responses_schemas import Response, ResponseRequest
from ragline.openai_api.responses_script import Event
from ragline.openai_api.responses_streams import ResponseEvents
from ragline.openai_api.schemas import Deleted, ListingParameter, ObjectList

log = structlog.get_logger()
router = APIRouter(prefix="/v1/responses", tags=["openai"])
Include = Literal["file_search_call.results"]
Events = AsyncGenerator[Event | None, None]


@router.post("", response_model=Response)
async def create(
    body: ResponseRequest,
    request: Request,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    hub: HubParameter,
    wish: CacheWishParameter,
    idempotency_key: KeyHeader = None,
) -> Answer:
    """Answer from the documents of an agent, a project or vector stores, with citations.

    With `stream` it is told in events as it is written. With `background` it is queued, and
    answered whether or not anybody waits: look at it, or follow its events, by its id.
    """
    kept = await run_in_threadpool(service.known, runtime, caller, body, idempotency_key)
    if kept is None and body.background:
        if body.stream:
            hub.refuse_crowd()
        accept = partial(service.accept, runtime, caller, body, wish=wish, key=idempotency_key)
        kept = await run_in_threadpool(accept)
    if kept is None:
        look = partial(plan, runtime, caller, body, wish=wish)
        planned = await run_in_threadpool(look)
        asked = service.request_of(caller, body, idempotency_key)
        tell = partial(service.tell, runtime, caller, planned, asked)
        return await _answered(request, tell, stream=body.stream)
    if kept.output is not None:
        events = service.told_again(kept, body)
        if body.stream:
            frames = b"".join(frame(event, event=event["type"]) for event in events)
            return Answer(frames, headers=HEADERS, media_type=MEDIA_TYPE)
        return JSONResponse(events[-1]["response"])
    return await _followed_or_shown(request, runtime, caller, hub, shown("resp_", kept.id), body)


@router.get("/{response_id}", response_model=Response)
async def retrieve(
    response_id: str,
    request: Request,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    hub: HubParameter,
    include: Annotated[list[Include] | None, Query()] = None,
    include_too: Annotated[
        list[Include] | None, Query(alias="include[]", include_in_schema=False)
    ] = None,
    stream: bool = False,
    starting_after: Annotated[int | None, Query(ge=0)] = None,
) -> Answer:
    """Return a response as it is now; with `stream` its events, those after a number.

    Only what was made with `background` can be followed: from any event on, nothing missing.
    """
    if stream:
        source = ResponseEvents(runtime, caller, response_id, after=starting_after)
        await hub.run(source.open)
        return EventStream(hub, source)
    wanted = [*(include or []), *(include_too or [])]
    look = partial(view, runtime, caller.tenant_id, response_id, include=wanted)
    return JSONResponse(await run_in_threadpool(look))


@router.delete("/{response_id}")
def delete(response_id: str, runtime: RuntimeParameter, caller: EditorParameter) -> Deleted:
    """Delete a response; one that is still being answered is cancelled."""
    return service.delete(runtime, caller, response_id)


@router.post("/{response_id}/cancel", response_model=Response)
def cancel(response_id: str, runtime: RuntimeParameter, caller: EditorParameter) -> Answer:
    """Cancel a response in the background; one that has ended stays as it is."""
    service.cancel(runtime, caller, response_id)
    return JSONResponse(view(runtime, caller.tenant_id, response_id))


@router.get("/{response_id}/input_items")
def input_items(
    response_id: str,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    wanted: ListingParameter,
) -> ObjectList[service.InputItem]:
    """List the messages that a response was asked with."""
    return service.input_items(runtime, caller, response_id, wanted)


async def _followed_or_shown(
    request: Request,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    hub: HubParameter,
    response_id: str,
    body: ResponseRequest,
) -> Answer:
    """Return a response in the background: its events as they come, or as it is now."""
    if body.stream:
        waits_for_work(request.scope)
        source = ResponseEvents(runtime, caller, response_id, after=None)
        await hub.run(source.open)
        return EventStream(hub, source)
    shown_now = await run_in_threadpool(view, runtime, caller.tenant_id, response_id)
    return JSONResponse(shown_now)


async def _answered(
    request: Request, tell: Callable[[Wanted], Generator[Event, None, None]], *, stream: bool
) -> Answer:
    """Answer while the client waits: the whole response, or its events."""
    events = Running(tell, request.app.state.chat_limiter).pieces()
    if not stream:
        return JSONResponse((await _last(events))["response"])
    # Where there is no room for it, that has a status of its own.
    events = await first_of(events)
    waits_for_work(request.scope)
    return StreamingResponse(_frames(events), headers=HEADERS, media_type=MEDIA_TYPE)


async def _last(events: Events) -> Event:
    last: Event | None = None
    async with aclosing(events):
        async for event in events:
            last = event or last
    assert last is not None, "every response has events"
    return last


async def _frames(events: Events) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        try:
            async for event in events:
                yield HEARTBEAT if event is None else frame(event, event=event["type"])
        except RaglineError as error:
            # Its last event has told it already.
            log.warning("response.failed", error=error.message)
        except Exception as error:
            log.error("response.broken", exc_info=error)
