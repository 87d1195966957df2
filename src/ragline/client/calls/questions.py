"""Search, and questions to a project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx2

from ragline.client.calls.events import follow
from ragline.client.calls.jobs import wait_until_ended
from ragline.client.calls.wishes import wishes
from ragline.client.models import Answer, Event, HitList, Hits, Job, JobAnswer
from ragline.client.problems import JobFailed
from ragline.client.sending import ask, at, create, given, post, read, send
from ragline.client.steps import Flow, Series

LONGEST_WAIT_SECONDS = 60
"""How long the server holds an answer for a job that is not done."""


def search(
    project_id: str,
    query: str,
    *,
    limit: int = 10,
    mode: str = "hybrid",
    filter: Mapping[str, Any] | None = None,
    rerank: bool | None = None,
    min_score: float | None = None,
    diversity: float | None = None,
    merge: bool | None = None,
) -> Flow[HitList]:
    """Find passages, best first, as a list of hits; `mode` is hybrid, dense or lexical.

    `filter` is a condition on metadata, such as `{"type": "eq", "key": "year", "value": 1998}`.
    `rerank` has the best ones read again, `min_score` (0 to 1) leaves weaker ones out,
    `diversity` (0 to 1) puts those like others behind, and `merge` puts neighbours of one
    document together. The list's `warnings` say what could not be done as asked.
    """
    wishes = given(rerank=rerank, min_score=min_score, diversity=diversity, merge=merge)
    body = given(query=query, limit=limit, mode=mode, filter=filter) | wishes
    request = post(at("projects", project_id, "search"), body, repeatable=True)
    found = yield from ask(request, Hits)
    return HitList(found.hits, found.warnings)


def chat(
    project_id: str,
    question: str,
    *,
    limit: int | None = None,
    model: str | None = None,
    session_id: str | None = None,
    fresh: bool = False,
    timeout: float | None = None,
) -> Flow[Answer]:
    """Answer a question from at most `limit` passages of a project.

    `fresh` asks for an answer that was not kept from before, here and in the other two.
    `timeout` is how many seconds to wait for a slow model. Where the connection breaks the
    question is not asked again, since answers may cost: `chat_job` is for those that must not
    be lost. With `session_id` it is the next message of that conversation, and a job that is
    waited for; `JobFailed` then says why there is no answer.
    """
    body = given(question=question, limit=limit, model=model, session_id=session_id)
    path = at("projects", project_id, "chat")
    if session_id is None:
        request = post(path, body, headers=_wish(fresh), timeout=timeout)
        return (yield from ask(request, Answer))
    request = create(
        path,
        body,
        key=None,
        headers=_wish(fresh),
        timeout=timeout,
        patience=LONGEST_WAIT_SECONDS,
    )
    response = yield from send(request)
    if response.status_code != httpx2.codes.ACCEPTED:
        return read(response, Answer)
    job = yield from wait_until_ended(read(response, JobAnswer).job.id, timeout=timeout)
    if job.answer is None:
        why = job.error.detail if job.error else "The question was cancelled."
        raise JobFailed(job.id, job.status, why)
    return job.answer


def chat_job(
    project_id: str,
    question: str,
    *,
    limit: int | None = None,
    model: str | None = None,
    session_id: str | None = None,
    fresh: bool = False,
    priority: int | None = None,
    not_before: datetime | None = None,
    tags: Sequence[str] = (),
    idempotency_key: str | None = None,
) -> Flow[Job]:
    """Ask a question as a job; once it has completed, `Job.answer` is the answer."""
    body = given(question=question, limit=limit, model=model, session_id=session_id)
    request = create(
        at("projects", project_id, "chat"),
        body | wishes(priority, not_before, tags),
        key=idempotency_key,
        headers={"Prefer": "respond-async", **_wish(fresh)},
    )
    return (yield from ask(request, JobAnswer)).job


def chat_stream(
    project_id: str,
    question: str,
    *,
    limit: int | None = None,
    model: str | None = None,
    session_id: str | None = None,
    fresh: bool = False,
    idempotency_key: str | None = None,
) -> Series[Event]:
    """Ask a question as a job and yield its events while the answer is written.

    Joined since the last `answer.restart`, the texts of `answer.delta` are the answer. A
    dropped connection and a server that restarts are waited for; the question is asked once.
    """
    body = given(question=question, limit=limit, model=model, session_id=session_id, stream=True)
    path = at("projects", project_id, "chat")
    request = create(path, body, key=idempotency_key, headers=_wish(fresh))
    yield from follow(request, after=None)


def _wish(fresh: bool) -> dict[str, str]:
    return {"Cache-Control": "no-cache"} if fresh else {}
