"""What projects look like over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from ragline.accounts.schemas import CleanText, Name, RequestModel
from ragline.language.terms import STEMMERS


def _known(language: str) -> str:
    if language not in STEMMERS:
        raise ValueError(f"must be one of {', '.join(sorted(STEMMERS))}")
    return language


Language = Annotated[str, AfterValidator(_known)]
"""A language that questions and passages are stemmed in, as an ISO 639-1 code."""

Description = Annotated[CleanText, Field(max_length=5000)]


CleanPrompt = Annotated[CleanText, Field(min_length=1, max_length=10_000, pattern=r"\S")]


class ProjectRequest(RequestModel):
    """A project to be made; `language` is that of most of its questions.

    `clean` says whether a model repairs passages of its documents that were read badly, and
    `clean_prompt` what that model is told; null leaves it to the settings.
    """

    name: Name
    description: Description | None = None
    language: Language | None = None
    clean: bool | None = None
    clean_prompt: CleanPrompt | None = None


class ProjectChange(RequestModel):
    """Fields of a project to be changed; those left out stay."""

    name: Name = ""
    description: Description | None = None
    language: Language | None = None
    clean: bool | None = None
    clean_prompt: CleanPrompt | None = None


BetterState = Literal["waiting", "filling", "ready", "stopped", "unavailable", "off"]


class BetterView(BaseModel):
    """Vectors of a better model: how many of the passages have one.

    `state`: `waiting` for documents or for the workers to have time, `filling` by the job
    `job_id`, `ready`, `stopped` (that job failed or was cancelled: retry it, or add a document),
    `unavailable` for the `reason`, `off` by the settings. Searches use what is there.
    """

    embedder: str
    chunks: int
    of: int
    job_id: str | None
    state: BetterState
    reason: str | None = None


class SearchView(BaseModel):
    """What a project is searched with: its model, the store, and a better model's vectors."""

    embedder: str
    vector_store: str
    better: BetterView | None


class ProjectView(BaseModel):
    """A project; `search` is told where one project is asked for."""

    id: str
    name: str
    description: str | None
    language: str | None
    clean: bool | None = None
    clean_prompt: str | None = None
    created_at: datetime
    search: SearchView | None = None


class ProjectList(BaseModel):
    """Projects, oldest first; pass the last id as `after` for the next ones."""

    projects: list[ProjectView]
    has_more: bool


class StatsView(BaseModel):
    """Counts of what a project holds; bytes are those of the stored files."""

    documents: int
    searchable: int
    pages: int
    chunks: int
    bytes: int
