"""Streams of events, followed over dropped connections and restarts of the server."""

from __future__ import annotations

from dataclasses import replace

import httpx2
from pydantic import ValidationError

from ragline.client.models import Event
from ragline.client.problems import ClientProblem, ServerUnreachable, problem_of, stranger
from ragline.client.sending import at, get, may_repeat
from ragline.client.steps import Again, Flow, Give, Next, Open, Request, Series

SILENCE_SECONDS = 45.0
"""Longest time without a heartbeat, which the server sends every 15 s."""

MEDIA_TYPE = "text/event-stream"
STREAM_HEADERS = {"Accept": MEDIA_TYPE}


def events(job_id: str, *, after: str | int | None = None) -> Series[Event]:
    """Yield a job's events, from the first or behind one, until it has ended.

    A dropped connection and a server that restarts are waited for; no event is lost or
    comes twice. Where the job was retried meanwhile, its next attempt follows.
    """
    request = get(at("jobs", job_id, "events"))
    yield from follow(request, after=None if after is None else str(after))


def project_events(
    project_id: str, *, after: str | None = None, from_start: bool = False
) -> Series[Event]:
    """Yield the events of all jobs of a project, for ever: new ones, or those behind one.

    `after` is the `id` of an event; `from_start` begins with the first one that is kept. As
    with `events`, a dropped connection is waited for, and nothing is lost or comes twice.
    """
    request = get(at("projects", project_id, "events"))
    place = {"from": "start"} if from_start else {}
    yield from follow(replace(request, parameters=place), after=after)


def follow(request: Request, *, after: str | None) -> Series[Event]:
    """Give the events of a stream until the server says that nothing more will come.

    Where the connection drops or the server ends it, it is opened again behind the last
    event that arrived, after a pause; where asking for it began a job, at the job's own
    events. Where it cannot be opened several times in a row, the last reason is raised.
    """
    last_id, failures = after, 0
    while True:
        known, reason = last_id, None
        try:
            response = yield from opened(request, last_id)
            if response.status_code == httpx2.codes.NO_CONTENT:
                return
            failures = 0
            if request.method == "POST":
                request = get(f"{response.headers.get('location', '')}/events")
            while (sent := (yield Next())) is not None:
                last_id = sent.id or last_id
                if sent.data:
                    yield Give(understood(sent, response))
        except (ClientProblem, ServerUnreachable) as error:
            # A silent stream may be opened again, unlike a request whose answer takes too long.
            if isinstance(error, ClientProblem) and not may_repeat(request, error):
                raise
            reason = error
            failures += 1
        if last_id == known:
            yield Again(max(failures, 1), reason)


def opened(request: Request, last_id: str | None) -> Flow[httpx2.Response]:
    """Open a stream of events, behind one of them, and return its response.

    Raises:
        ClientProblem: the server refused, or it sends something else.
    """
    place = {"Last-Event-ID": last_id} if last_id else {}
    headers = {**STREAM_HEADERS, **request.headers, **place}
    asked = replace(request, headers=headers, timeout=SILENCE_SECONDS)
    response: httpx2.Response = yield Open(asked, "events")
    if not response.is_success:
        raise problem_of(response)
    kind = response.headers.get("content-type", "")
    if response.status_code != httpx2.codes.NO_CONTENT and not kind.startswith(MEDIA_TYPE):
        raise stranger(response)
    return response


def understood(sent: httpx2.ServerSentEvent, response: httpx2.Response) -> Event:
    """Return an event as a model, or raise that it is none of ours."""
    try:
        event = Event.model_validate_json(sent.data)
    except ValidationError:
        raise stranger(response) from None
    return event.model_copy(update={"id": sent.id})
