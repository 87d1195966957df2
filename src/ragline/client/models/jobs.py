"""Jobs, their events and their queues, as the server tells of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from ragline.client.models.answers import Answer, Citation, Usage
from ragline.client.models.base import Answered, Problem

ENDED = ("completed", "failed", "cancelled")


class Progress(Answered):
    """How much of a job is done; `total` is None while it is not known."""

    done: int
    total: int | None
    unit: str


class Attempt(Answered):
    """One try at a job; `first_step` is the number of the step it began with."""

    number: int
    first_step: int = 1
    outcome: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: Problem | None = None


class Job(Answered):
    """A job; `queue_position` counts from 1 and is None once it runs.

    It is expected to end in `eta_seconds`, between `eta_low_seconds` and `eta_high_seconds`
    in most cases; None where too little was measured. Only a single job has `inputs`, the
    place and the estimate; those of a listing do not.
    """

    id: str
    kind: str
    status: str
    waiting_for: str | None = None
    queue: str | None = None
    priority: int | None = None
    not_before: datetime | None = None
    tags: list[str] = Field(default_factory=list)
    project_id: str | None = None
    document_id: str | None = None
    parent_id: str | None = None
    children: dict[str, int] | None = None
    progress: Progress
    queue_position: int | None = None
    eta_seconds: float | None = None
    eta_low_seconds: float | None = None
    eta_high_seconds: float | None = None
    attempts: list[Attempt] = Field(default_factory=list)
    error: Problem | None = None
    warnings: list[dict[str, Any]] = Field(default_factory=list)
    cost: float = 0
    tokens: int = 0
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    result: dict[str, Any] | None = None
    inputs: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to this job unless it is retried."""
        return self.status in ENDED

    @property
    def answer(self) -> Answer | None:
        """The answer to a question that was asked as a job, once it has completed."""
        if self.status != "completed" or "answer" not in (self.result or {}):
            return None
        return Answer.model_validate(self.result)


class Retried(Answered):
    """Jobs of which another attempt began; `has_more` says that others fitted too."""

    jobs: list[Job]
    has_more: bool = False


class Event(Answered):
    """A change of a job, with details that depend on its type as further fields.

    `id` is what a stream is continued after. `number` counts within the job, without gaps.
    The type `stream.gap` tells that events were removed for their age and cannot be replayed.

    Of an answer that is being written, `answer.delta` adds `text`, `answer.restart` takes back
    all text so far, `answer.citations` and `answer.usage` come at its end.
    """

    id: str = ""
    type: str
    job_id: str | None = None
    project_id: str | None = None
    number: int | None = None
    created_at: datetime | None = None
    text: str = ""
    citations: list[Citation] = Field(default_factory=list)
    usage: Usage | None = None
    error: Problem | None = None

    @property
    def ends_job(self) -> bool:
        """Whether an attempt ended with it, and the job unless it is retried."""
        return self.type in ("job.completed", "job.failed", "job.cancelled")


class Queue(Answered):
    """A queue in numbers; times are in seconds, None where there is nothing to measure."""

    name: str
    paused: bool = False
    paused_at: datetime | None = None
    pending: int = 0
    queued: int = 0
    processing: int = 0
    oldest_age_seconds: float | None = None
    average_seconds: float | None = None
    completed_today: int = 0
    failed_today: int = 0
    waiting_for: dict[str, int] = Field(default_factory=dict)


class QueueList(Answered):
    """All queues; `scope` is "all" where the jobs of all tenants are counted, else "tenant"."""

    scope: str
    queues: list[Queue]


class JobAnswer(Answered):
    """An answer that is a job."""

    job: Job
