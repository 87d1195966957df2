"""Server-sent events of jobs and projects."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from ragline.accounts.access import CallerParameter, RuntimeParameter
from ragline.jobs.event_hub import MEDIA_TYPE, EventHub, EventStream
from ragline.jobs.event_tail import START
from ragline.jobs.streams import JobEvents, ProjectEvents, number_of, place_of

router = APIRouter(prefix="/v1", tags=["events"])


async def hub_of(request: Request) -> EventHub:
    """Return the hub the application was made with."""
    hub: EventHub = request.app.state.events
    return hub


HubParameter = Annotated[EventHub, Depends(hub_of)]
LastEventId = Annotated[
    str | None, Header(description="The id of the last event that arrived; counts before `after`.")
]
After = Annotated[str | None, Query(description="The id of the event to continue after.")]
# FastAPI's own streams are generators, which start before anything can be refused.
STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": "Server-sent events", "content": {MEDIA_TYPE: {}}}
}
STREAM_OR_NOTHING: dict[int | str, dict[str, Any]] = {
    **STREAM,
    204: {"description": "The job has ended and you have all of its events."},
}


@router.get("/jobs/{job_id}/events", response_class=Response, responses=STREAM_OR_NOTHING)
async def job_events(
    job_id: str,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    hub: HubParameter,
    last_event_id: LastEventId = None,
    after: After = None,
) -> Response:
    """Follow a job's events, all of them from the first, until it has ended."""
    known = last_event_id or after
    number = number_of(known) if known else 0
    source = JobEvents(runtime.database, caller, job_id, after=number)
    await hub.run(source.open)
    # By this status alone a browser knows that it need not come back.
    return Response(status_code=204) if source.is_over else EventStream(hub, source)


@router.get("/projects/{project_id}/events", response_class=Response, responses=STREAM)
async def project_events(
    project_id: str,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    hub: HubParameter,
    last_event_id: LastEventId = None,
    after: After = None,
    begin: Annotated[
        Literal["start"] | None,
        Query(alias="from", description="Begin with the first event that is kept."),
    ] = None,
) -> Response:
    """Follow the events of all jobs of a project: new ones, or from a place or the start."""
    known = last_event_id or after
    place = place_of(known) if known else START if begin else None
    source = ProjectEvents(runtime, caller, project_id, after=place)
    await hub.run(source.open)
    return EventStream(hub, source)
