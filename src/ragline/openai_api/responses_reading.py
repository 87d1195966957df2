"""Stored responses as clients see them: from their rows, or from the jobs that answer them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.engine.rows import workflows
from ragline.jobs.states import status_of
from ragline.models import Job, StoredResponse
from ragline.openai_api import responses_telling as telling
from ragline.openai_api.ids import own, unknown
from ragline.openai_api.responses_objects import Head, Status, response
from ragline.openai_api.responses_plan import head_of
from ragline.openai_api.responses_schemas import RESULTS
from ragline.openai_api.responses_script import Script
from ragline.openai_api.schemas import unix


@dataclass(frozen=True, slots=True)
class Stored:
    """A response with its job and the engine's word for it; both None where it has none."""

    row: StoredResponse
    job: Job | None
    engine_status: str | None


def stored(runtime: Runtime, tenant_id: str, given: str) -> Stored:
    """Return a response of the tenant by the id that clients know.

    Raises `NotFound` also where its job was cleaned up before it had an answer.
    """
    with runtime.database.read() as session:
        found = stored_in(session, tenant_id, given)
    if found.row.output is None and found.job is None:
        raise unknown("resp_", given)
    return found


def stored_in(session: Session, tenant_id: str, given: str) -> Stored:
    """Return a response of the tenant, in this session, or raise `NotFound`."""
    values = {"response_id": own("resp_", given), "tenant_id": tenant_id}
    row = session.execute(_STORED, values).first()
    if row is None:
        raise unknown("resp_", given)
    return Stored(*row)


def view(
    runtime: Runtime, tenant_id: str, given: str, *, include: Sequence[str] = ()
) -> dict[str, Any]:
    """Return a response as it is now; `include` asks for more than its request did."""
    found = stored(runtime, tenant_id, given)
    row, job = found.row, found.job
    head = head_of(row.id, row.created_at, row.request, include=include)
    if row.output is not None:
        return _shown(head, row.output)
    assert job is not None, "looked for above"
    if job.outcome == "completed":
        return _shown(head, _settled(runtime, found))
    if job.outcome == "failed" and job.error is not None:
        return response(head, "failed", error=telling.error_of(job.error))
    if job.cancel_requested_at is not None or job.outcome == "cancelled":
        return response(head, "cancelled")
    waits = status_of(job, found.engine_status) in ("pending", "queued")
    status: Status = "queued" if waits else "in_progress"
    return response(head, status)


def ended(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what is kept of a response from the events that ended it."""
    whole = events[-1]["response"]
    names = ("status", "completed_at", "error", "incomplete_details", "output", "usage")
    return {name: whole[name] for name in names}


def _settled(runtime: Runtime, found: Stored) -> dict[str, Any]:
    """Return what a completed job gave, and keep it with the response: jobs are cleaned up."""
    row, job = found.row, found.job
    assert job is not None and job.finished_at is not None, "it has completed"  # noqa: PT018
    # Everything is kept; what a client did not ask for is left out when it is shown.
    head = head_of(row.id, row.created_at, row.request, include=[RESULTS])
    script = Script(head)
    queries = telling.queries_of(runtime, job)
    if queries is not None:
        script.searched(telling.found(runtime, job, queries))
    given = telling.said(runtime, job)
    output = ended(script.answered(given, at=unix(job.finished_at)))
    with runtime.database.write() as session:
        session.execute(_KEEP, {"response_id": row.id, "settled": output})
    return output


def _shown(head: Head, output: dict[str, Any]) -> dict[str, Any]:
    """Return a response that has ended, without what was not asked for."""
    items = [
        {**item, "results": item["results"] if head.shows_results else None}
        if item["type"] == "file_search_call"
        else item
        for item in output["output"]
        if head.shows_search or item["type"] != "file_search_call"
    ]
    return {**response(head, output["status"]), **output, "output": items}


_STORED = (
    sa.select(StoredResponse, Job, workflows.c.status)
    .outerjoin(Job, Job.id == StoredResponse.job_id)
    .outerjoin(workflows, workflows.c.workflow_uuid == Job.workflow_id)
    .where(
        StoredResponse.id == sa.bindparam("response_id"),
        StoredResponse.tenant_id == sa.bindparam("tenant_id"),
    )
)
_KEEP = (
    sa.update(StoredResponse)
    .where(StoredResponse.id == sa.bindparam("response_id"), StoredResponse.output.is_(None))
    .values(output=sa.bindparam("settled", type_=StoredResponse.output.type))
    .execution_options(synchronize_session=False)
)
