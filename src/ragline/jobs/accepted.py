"""Answering requests that were accepted as a job, after the wait that the client prefers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self, TypeVar

from fastapi import Response

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.http.prefer import Preferences, applied
from ragline.jobs.routes import MAX_WAIT_SECONDS, wait_for_end
from ragline.jobs.schemas import JobView
from ragline.jobs.states import ENDED


class HasJob(Protocol):
    """A model of an answer with the job that was begun; None where there was nothing to do."""

    job: JobView | None

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """Return the same with other values."""
        ...


A = TypeVar("A", bound=HasJob)


async def answer_accepted(
    runtime: Runtime, caller: Caller, accepted: A, preferences: Preferences, response: Response
) -> A:
    """Set status and place of what was accepted; its job is shown as it is after the wait."""
    if accepted.job is None:
        response.status_code = 200
        return accepted
    response.headers["Location"] = f"/v1/jobs/{accepted.job.id}"
    if preferences.wait is None:
        return accepted
    seconds = min(preferences.wait, MAX_WAIT_SECONDS)
    job = await wait_for_end(runtime, caller.tenant_id, accepted.job.id, seconds=seconds)
    response.headers.update(applied(preferences))
    response.status_code = 200 if job.status in ENDED else 202
    return accepted.model_copy(update={"job": job})
