"""Shares over HTTP: for their owners under `/v1`, for everybody who has a token under `/c`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.concurrency import run_in_threadpool

from ragline.accounts.access import CallerParameter, EditorParameter, RuntimeParameter
from ragline.conversations import shares, shares_public
from ragline.conversations.shares_public import Opened, shared_message
from ragline.conversations.shares_schemas import (
    NewShareView,
    SharedAgent,
    SharedMessage,
    SharedMessageList,
    SharedQuestion,
    SharedSession,
    ShareList,
    ShareRequest,
)
from ragline.conversations.shares_stream import SharedEvents, SharedStream
from ragline.http.idempotency import KeyHeader
from ragline.jobs.states import ENDED
from ragline.jobs.stream_routes import STREAM_OR_NOTHING, After, HubParameter, LastEventId
from ragline.jobs.streams import number_of

owned = APIRouter(prefix="/v1/agents/{agent_id}/shares", tags=["shares"])
public = APIRouter(prefix="/c/{token}", tags=["shares"])

Limit = Annotated[int, Query(ge=1, le=200)]
VisitorsKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=16,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="A random key of at least 16 characters: all visitors of a share draw from "
        "the same ones. The same request sent again under it is answered as the first time.",
    ),
]


async def opened_by(token: str, runtime: RuntimeParameter) -> Opened:
    """Return the share that the token in the path opens, or raise `NotFound`."""
    return await run_in_threadpool(shares_public.open_share, runtime, token)


OpenedParameter = Annotated[Opened, Depends(opened_by)]


@owned.post("", status_code=201)
def create(
    agent_id: str,
    body: ShareRequest,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    idempotency_key: KeyHeader = None,
) -> NewShareView:
    """Open an agent to the public by a link; its token is shown in this answer only."""
    return shares.create_share(runtime, caller, agent_id, body, key=idempotency_key)


@owned.get("")
def shares_of(
    agent_id: str,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    limit: Limit = 50,
    after: str | None = None,
) -> ShareList:
    """List an agent's shares with what was used of them, oldest first."""
    found, more = shares.list_shares(runtime, caller, agent_id, limit=limit, after=after)
    return ShareList(shares=found, has_more=more)


@owned.delete("/{share_id}", status_code=204)
def revoke(
    agent_id: str, share_id: str, runtime: RuntimeParameter, caller: EditorParameter
) -> None:
    """Close a share; streams that are open end within seconds."""
    shares.revoke_share(runtime, caller, agent_id, share_id)


@public.get("/agent")
def agent(runtime: RuntimeParameter, opened: OpenedParameter) -> SharedAgent:
    """Say who answers, and what is left of the share."""
    return shares_public.shared_agent(runtime, opened)


@public.post("/sessions", status_code=201)
def begin(
    runtime: RuntimeParameter, opened: OpenedParameter, idempotency_key: VisitorsKey = None
) -> SharedSession:
    """Begin a conversation."""
    return shares_public.begin_session(runtime, opened, key=idempotency_key)


@public.get("/sessions/{session_id}/messages")
def messages(
    session_id: str,
    runtime: RuntimeParameter,
    opened: OpenedParameter,
    limit: Limit = 50,
    after: str | None = None,
) -> SharedMessageList:
    """List a conversation's messages in their order."""
    found, more = shares_public.list_messages(runtime, opened, session_id, limit=limit, after=after)
    return SharedMessageList(messages=found, has_more=more)


@public.post("/sessions/{session_id}/messages", status_code=202)
def ask(
    session_id: str,
    body: SharedQuestion,
    runtime: RuntimeParameter,
    opened: OpenedParameter,
    idempotency_key: VisitorsKey = None,
) -> SharedMessage:
    """Ask something; the answer is a message that is filled when it is there."""
    return shares_public.ask(runtime, opened, session_id, body, key=idempotency_key)


@public.get("/messages/{message_id}")
def message(message_id: str, runtime: RuntimeParameter, opened: OpenedParameter) -> SharedMessage:
    """Return a message."""
    return shared_message(shares_public.find_message(runtime, opened, message_id))


@public.get("/messages/{message_id}/events", response_class=Response, responses=STREAM_OR_NOTHING)
async def events(
    message_id: str,
    runtime: RuntimeParameter,
    opened: OpenedParameter,
    hub: HubParameter,
    last_event_id: LastEventId = None,
    after: After = None,
) -> Response:
    """Follow an answer as it is written, from the first event or behind `Last-Event-ID`."""
    known = last_event_id or after
    find = partial(shares_public.find_message, runtime, opened, message_id)
    job_id = shares_public.job_of(await hub.run(find))
    source = SharedEvents(runtime.database, opened, job_id, after=number_of(known) if known else 0)
    await hub.run(source.open)
    if source.is_over:
        return Response(status_code=204)
    return SharedStream(hub, source, runtime, opened)


@public.post("/messages/{message_id}/retry", status_code=202)
def retry(
    message_id: str,
    runtime: RuntimeParameter,
    opened: OpenedParameter,
    idempotency_key: VisitorsKey = None,
) -> SharedMessage:
    """Try again to answer a message that failed or was cancelled."""
    return shares_public.retry(runtime, opened, message_id, key=idempotency_key)


@public.post("/messages/{message_id}/cancel", status_code=202)
def cancel(
    message_id: str, runtime: RuntimeParameter, opened: OpenedParameter, response: Response
) -> SharedMessage:
    """Stop the answering of a message; 200 where that is done already."""
    stopped = shares_public.cancel(runtime, opened, message_id)
    response.status_code = 200 if stopped.status in ENDED else 202
    return stopped
