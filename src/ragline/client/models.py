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
    """One try at a job."""

    number: int
    started_at: datetime
    ended_at: datetime | None = None
    error: Problem | None = None


class Job(Answered):
    """A job; `queue_position` counts from 1 and is None once it runs."""

    id: str
    kind: str
    status: str
    waiting_for: str | None = None
    project_id: str | None = None
    document_id: str | None = None
    parent_id: str | None = None
    children: dict[str, int] | None = None
    progress: Progress
    queue_position: int | None = None
    eta_seconds: float | None = None
    attempts: list[Attempt] = []
    error: Problem | None = None
    warnings: list[dict[str, Any]] = []
    cost: float = 0
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to this job unless it is retried."""
        return self.status in ENDED


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
    """Which model answered, and the tokens it took."""

    model: str
    prompt_tokens: int
    completion_tokens: int


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
