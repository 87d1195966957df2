"""Projects, documents and passages, as the server tells of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from ragline.client.models.base import Answered, Problem
from ragline.client.models.jobs import Job


class BetterVectors(Answered):
    """Vectors of a better model: how many of a project's passages have one, and why not more.

    `state` is `waiting`, `filling` (by the job `job_id`), `ready`, `stopped`, `unavailable` (for
    the `reason`) or `off`.
    """

    embedder: str
    chunks: int
    of: int
    job_id: str | None = None
    state: str
    reason: str | None = None


class SearchSetup(Answered):
    """What a project is searched with: its model, the store, and a better model's vectors."""

    embedder: str
    vector_store: str
    better: BetterVectors | None = None


class Project(Answered):
    """A project; `search` is told where one project is asked for."""

    id: str
    name: str
    description: str | None = None
    language: str | None = None
    clean: bool | None = None
    clean_prompt: str | None = None
    created_at: datetime
    search: SearchSetup | None = None


class Statistics(Answered):
    """Counts of what a project holds; bytes are those of the stored files."""

    documents: int
    searchable: int
    pages: int
    chunks: int
    bytes: int


class NewerVersion(Answered):
    """A version that is to replace a document's own: in work, or failed, or cancelled."""

    job_id: str
    status: str
    title: str
    filename: str
    media_type: str | None = None
    size_bytes: int | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class Document(Answered):
    """A document as it is found; `searchable` says whether a version of it can be."""

    id: str
    project_id: str
    title: str
    filename: str
    external_id: str | None = None
    media_type: str | None = None
    size_bytes: int | None = None
    pages: int | None = None
    language: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    status: str
    searchable: bool
    version: int | None = None
    newer: NewerVersion | None = None
    created_at: datetime


class Rejected(Answered):
    """A file that was not taken, while its neighbours were."""

    filename: str
    problem: Problem


class TakenFile(Answered):
    """What became of a file: `change` is new, changed, again, unchanged or duplicate."""

    filename: str
    external_id: str | None = None
    document_id: str
    change: str
    job_id: str | None = None


class Upload(Answered):
    """What became of an upload; `job` is None where all of it was there already."""

    job: Job | None
    documents: list[Document]
    files: list[TakenFile] = Field(default_factory=list)
    rejected: list[Rejected] = Field(default_factory=list)


class DocumentPage(Answered):
    """A page of a document, counted from 1, with its text and who read it in how many seconds."""

    number: int
    text: str
    engine: str | None = None
    failed_engines: list[Any] = Field(default_factory=list)
    characters: int | None = None
    confidence: float | None = None
    seconds: float | None = None
    cost: float | None = None


class Chunk(Answered):
    """A passage of a document's published version, on pages counted from 1."""

    id: str
    ordinal: int
    text: str
    heading: str | None = None
    page_start: int
    page_end: int
    language: str | None = None


class Receipt(Answered):
    """What a deletion removed, by kind, and what was left of it afterwards."""

    document_id: str
    removed: dict[str, int]
    remaining: dict[str, int] = Field(default_factory=dict)
