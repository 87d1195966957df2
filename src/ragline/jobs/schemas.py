"""What a job looks like over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

Status = Literal["pending", "queued", "processing", "completed", "failed", "cancelled"]
ENDED: tuple[Status, ...] = ("completed", "failed", "cancelled")


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
    """One try at a job."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    error: Problem | None


class JobView(BaseModel):
    """A job; `queue_position` counts from 1 and is null once it runs."""

    id: str
    kind: str
    status: Status
    waiting_for: str | None
    project_id: str | None
    document_id: str | None
    parent_id: str | None
    children: dict[str, int] | None
    progress: Progress
    queue_position: int | None
    eta_seconds: float | None
    attempts: list[AttemptView]
    error: Problem | None
    warnings: list[dict[str, Any]]
    cost: float
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    result: dict[str, Any] | None


class JobList(BaseModel):
    """Jobs, newest first; pass the last id as `after` for the next ones."""

    jobs: list[JobView]
    has_more: bool
