"""What the server answers, as the client hands it on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

ENDED = ("completed", "failed", "cancelled")


class Answered(BaseModel):
    """Something the server sent; fields that this version does not know are kept."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Problem(Answered):
    """Why something did not work; `detail` says what to do next."""

    type: str
    title: str
    detail: str
    retryable: bool = False


class Project(Answered):
    """A project."""

    id: str
    name: str
    description: str | None = None
    language: str | None = None
    created_at: datetime


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
    tags: list[str] = []
    project_id: str | None = None
    document_id: str | None = None
    parent_id: str | None = None
    children: dict[str, int] | None = None
    progress: Progress
    queue_position: int | None = None
    eta_seconds: float | None = None
    eta_low_seconds: float | None = None
    eta_high_seconds: float | None = None
    attempts: list[Attempt] = []
    error: Problem | None = None
    warnings: list[dict[str, Any]] = []
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


class Retried(Answered):
    """Jobs of which another attempt began; `has_more` says that others fitted too."""

    jobs: list[Job]
    has_more: bool = False


class Event(Answered):
    """A change of a job, with details that depend on its type as further fields.

    `id` is what a stream is continued after. `number` counts within the job, without gaps.
    The type `stream.gap` tells that events were removed for their age and cannot be replayed.
    """

    id: str = ""
    type: str
    job_id: str | None = None
    project_id: str | None = None
    number: int | None = None
    created_at: datetime | None = None

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
    waiting_for: dict[str, int] = {}


class QueueList(Answered):
    """All queues; `scope` is "all" where the jobs of all tenants are counted, else "tenant"."""

    scope: str
    queues: list[Queue]


class Document(Answered):
    """A document; `searchable` says whether a version of it can be found."""

    id: str
    project_id: str
    title: str
    filename: str
    pages: int | None = None
    language: str | None = None
    metadata: dict[str, Any] = {}
    status: str
    searchable: bool
    created_at: datetime


class Rejected(Answered):
    """A file that was not taken, while its neighbours were."""

    filename: str
    problem: Problem


class Upload(Answered):
    """What became of an upload; `job` is None where all of it was there already."""

    job: Job | None
    documents: list[Document]
    rejected: list[Rejected] = []


class Hit(Answered):
    """A passage that was found, on pages counted from 1; a higher score is better."""

    score: float
    text: str
    document_id: str
    chunk_id: str
    title: str
    page_start: int
    page_end: int
    metadata: dict[str, Any] = {}


class Citation(Answered):
    """Words of a source, on a page counted from 1."""

    document_id: str
    title: str
    page: int
    quote: str
    score: float


class Usage(Answered):
    """Which model answered, the tokens it took and what they cost in USD."""

    model: str
    prompt_tokens: int
    completion_tokens: int
    adapter: str = ""
    cost: float = 0.0


class Answer(Answered):
    """An answer with its sources; without citations nothing was found."""

    answer: str
    citations: list[Citation]
    usage: Usage


class Hits(Answered):
    """The answer to a search."""

    hits: list[Hit]


class ProjectPage(Answered):
    """A page of a listing of projects."""

    projects: list[Project]
    has_more: bool


class DocumentPage(Answered):
    """A page of a listing of documents."""

    documents: list[Document]
    has_more: bool


class JobPage(Answered):
    """A page of a listing of jobs."""

    jobs: list[Job]
    has_more: bool
