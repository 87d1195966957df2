"""Responses: answered now or in the background, looked at, cancelled and deleted."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.chat import service as chat
from ragline.chat.cache.control import CacheWish
from ragline.chat.erasing import erase_words
from ragline.database import LOCKED
from ragline.errors import Conflict, RaglineError
from ragline.http.idempotency import Once, once
from ragline.jobs import control
from ragline.models import Job, StoredResponse, now
from ragline.openai_api.completions_asking import admitted, write
from ragline.openai_api.completions_running import Wanted
from ragline.openai_api.errors import refused
from ragline.openai_api.responses_objects import Found, Said, said_again
from ragline.openai_api.responses_plan import Plan, head_of, kept_of, plan
from ragline.openai_api.responses_reading import ended, stored, stored_in
from ragline.openai_api.responses_schemas import RESULTS, ResponseRequest
from ragline.openai_api.responses_script import Event, Script
from ragline.openai_api.schemas import Deleted, Listing, ObjectList, page, unix

BROKEN = "Something went wrong here; the log says more."


class Kept(BaseModel):
    """What is kept of a request under its key: the response, its answer too if it was given."""

    id: str
    at: datetime
    output: dict[str, Any] | None = None


class InputItem(BaseModel):
    """A message of a request, as it is listed."""

    id: str
    type: str = "message"
    status: str = "completed"
    role: str
    content: list[dict[str, Any]]


def accept(
    runtime: Runtime, caller: Caller, body: ResponseRequest, *, wish: CacheWish, key: str | None
) -> Kept:
    """Queue a response in the background; once for an idempotency `key`.

    Raises what `plan` raises, and `Overloaded` where too many questions are in progress.
    """
    planned = plan(runtime, caller, body, wish=wish)
    # Its pieces are kept as events, so that whoever asks later is told all of them.
    question = replace(planned.question, stream=True)

    def make() -> Kept:
        with runtime.database.write() as session:
            job = chat.accept(runtime, caller, question)
            session.add(planned.row(caller.tenant_id, job_id=job.id))
        return Kept(id=planned.id, at=planned.at)

    return once(runtime.database, request_of(caller, body, key), Kept, make)


def known(runtime: Runtime, caller: Caller, body: ResponseRequest, key: str | None) -> Kept | None:
    """Return what was made under this key before, if anything was."""

    def nothing() -> Kept:
        raise _NotYet

    if key is None:
        return None
    try:
        return once(runtime.database, request_of(caller, body, key), Kept, nothing)
    except _NotYet:
        return None


def request_of(caller: Caller, body: ResponseRequest, key: str | None) -> Once:
    """Return what a request asks for; streamed or not, it is the same response."""
    decisive = body.model_dump(mode="json", exclude={"stream", "stream_options"})
    return Once(caller.tenant_id, key, ("response", decisive))


def tell(
    runtime: Runtime, caller: Caller, planned: Plan, request: Once, wanted: Wanted
) -> Generator[Event, None, None]:
    """Yield the events of a response that is answered now; the last one holds the whole.

    It is kept before its last event, where that is asked for. Raises `Overloaded` before the
    first event where too many questions are in progress, and what goes wrong after it.
    """
    script = Script(planned.head)
    # A client may ask later for what was found.
    kept = Script(head_of(planned.id, planned.at, planned.request, include=[RESULTS]))
    with admitted(runtime):
        yield from script.begun()
        pieces = write(runtime, caller, planned.question, wanted.turnstile())
        try:
            for piece in pieces:
                if isinstance(piece, Found):
                    kept.searched(piece)
                    yield from script.searched(piece)
                elif isinstance(piece, Said):
                    at = unix(now())
                    _keep(runtime, caller, planned, request, ended(kept.answered(piece, at=at)))
                    yield from script.answered(piece, at=at)
                else:
                    yield from script.said(piece)
        except Exception as error:
            message = error.message if isinstance(error, RaglineError) else BROKEN
            yield from script.failed({"code": "server_error", "message": message})
            raise


def told_again(kept: Kept, body: ResponseRequest) -> list[Event]:
    """Return the events of a response that was answered under the same key before."""
    assert kept.output is not None, "it was answered"
    head = head_of(kept.id, kept.at, kept_of(body))
    script = Script(head)
    events = script.begun()
    for item in kept.output["output"]:
        if item["type"] == "file_search_call":
            events += script.searched(Found(item["queries"], item["results"] or []))
    return events + script.answered(said_again(kept.output), at=kept.output["completed_at"])


def cancel(runtime: Runtime, caller: Caller, given: str) -> None:
    """Stop a response that is answered in the background; one that has ended stays as it is.

    Raises:
        NotFound: the tenant has no such response.
        RequestValidationError: it was not answered in the background.
    """
    found = stored(runtime, caller.tenant_id, given)
    if found.row.job_id is None:
        raise refused("response_id", "is of a response that was not made with background: true")
    if found.job is None:
        return
    try:
        control.cancel(runtime, caller.tenant_id, found.row.job_id)
    except Conflict:
        return  # it has ended


def delete(runtime: Runtime, caller: Caller, given: str) -> Deleted:
    """Remove a response, and its words from the job that answers it; what runs is stopped."""
    found = stored(runtime, caller.tenant_id, given)
    if found.job is not None and found.job.outcome is None:
        cancel(runtime, caller, given)
    answers: list[str] = []
    with runtime.database.write() as session:
        row = stored_in(session, caller.tenant_id, given).row
        job = session.get(Job, row.job_id, with_for_update=LOCKED) if row.job_id else None
        if job is not None:
            answers = erase_words(session, job)
            if job.outcome is None:
                job.inputs = {"erased": True}  # it was cancelled: nobody reads them any more
        session.execute(sa.delete(StoredResponse).where(StoredResponse.id == row.id))
    runtime.answer_cache.remove(answers)
    return Deleted(id=given, object="response")


def input_items(
    runtime: Runtime, caller: Caller, given: str, wanted: Listing
) -> ObjectList[InputItem]:
    """Return the messages that a response was asked with, a part of them.

    Raises `RequestValidationError` for a place that is no message of it.
    """
    row = stored(runtime, caller.tenant_id, given).row
    items = [
        InputItem(id=f"msg_{row.id}_{number}", role=each["role"], content=each["content"])
        for number, each in enumerate(row.request["input"])
    ]
    if wanted.order == "desc":
        items.reverse()
    if wanted.after is not None:
        items = items[_place(items, wanted.after, "after") + 1 :]
    if wanted.before is not None:
        items = items[: _place(items, wanted.before, "before")][-wanted.limit :]
    return page(items[: wanted.limit], has_more=len(items) > wanted.limit)


class _NotYet(Exception):
    """Nothing was made under this key."""


def _keep(
    runtime: Runtime, caller: Caller, planned: Plan, request: Once, output: dict[str, Any]
) -> None:
    """Keep a response that was answered, under its key too, if that is asked for."""
    kept = Kept(id=planned.id, at=planned.at, output=output)

    def make() -> Kept:
        if planned.request["told"]["store"]:
            with runtime.database.write() as session:
                session.add(planned.row(caller.tenant_id, output=output))
        return kept

    once(runtime.database, request, Kept, make)


def _place(items: Sequence[InputItem], item_id: str, parameter: str) -> int:
    for place, item in enumerate(items):
        if item.id == item_id:
            return place
    raise refused(parameter, f"names no input item of this response: {item_id!r}")
