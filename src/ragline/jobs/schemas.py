"""What a job looks like over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, Field

from ragline.accounts.schemas import CleanText, RequestModel
from ragline.jobs.states import ENDED, Kind, Status
from ragline.jobs.wishes import Wishes
from ragline.models.job import DEFAULT_PRIORITY

__all__ = ["ENDED", "Kind", "Status"]

Tag = Annotated[CleanText, Field(min_length=1, max_length=100, pattern=r"\S")]
Priority = Annotated[int, Field(ge=1, le=1000)]


class WishesFields(RequestModel):
    """What a request that creates jobs may say about them."""

    priority: Priority = DEFAULT_PRIORITY
    not_before: AwareDatetime | None = None
    tags: Annotated[list[Tag], Field(max_length=20)] = Field(default_factory=list)

    @property
    def wishes(self) -> Wishes:
        """The same, as services take it."""
        return Wishes(self.priority, self.not_before, tuple(self.tags))


class Progress(BaseModel):
    """How much of a job is done; `total` is null while it is not known."""

    done: int
    total: int | None
    unit: str


class Problem(BaseModel):
    """Why a job failed, in the form of RFC 9457."""

    type: str
    title: str
    detail: str
    retryable: bool


class AttemptView(BaseModel):
    """One try at a job; `first_step` is the number of the step it began with."""

    number: int
    first_step: int
    outcome: Status | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: Problem | None


class JobView(BaseModel):
    """A job; `queue_position` counts from 1 and is null once it runs.

    `eta_seconds` is the expected time until its end, between `eta_low_seconds` and
    `eta_high_seconds` in four of five cases; null where too little was measured. `inputs`
    are what it was accepted with; lists leave them, the position and the estimate out. `kind`
    may also be one that a newer release, at work beside this one, knows.
    """

    id: str
    kind: str
    status: Status
    waiting_for: str | None
    queue: str | None
    priority: int
    not_before: datetime | None
    tags: list[str]
    project_id: str | None
    document_id: str | None
    parent_id: str | None
    children: dict[str, int] | None
    progress: Progress
    queue_position: int | None
    eta_seconds: float | None
    eta_low_seconds: float | None
    eta_high_seconds: float | None
    attempts: list[AttemptView]
    error: Problem | None
    warnings: list[dict[str, Any]]
    cost: float
    tokens: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    dismissed_at: datetime | None
    result: dict[str, Any] | None
    inputs: dict[str, Any] | None = None


class JobList(BaseModel):
    """Jobs, newest first; pass the last id as `after` for the next ones."""

    jobs: list[JobView]
    has_more: bool


class RetryFilter(RequestModel):
    """Which ended jobs to retry: all that fit, oldest first, up to `limit`."""

    status: Status = "failed"
    kind: Kind | None = None
    project: str | None = None
    tag: str | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100
