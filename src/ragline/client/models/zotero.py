"""Connected libraries and their reading notes, as the server tells of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from ragline.client.models.base import Answered
from ragline.client.models.jobs import Job


class ZoteroLibrary(Answered):
    """A connected library without its key; `library` is its name, as `users/123`.

    `version` is the library's own up to which all was taken; `job_id` the latest sync.
    """

    id: str
    project_id: str
    library: str
    has_key: bool
    collections: list[str] = Field(default_factory=list)
    prompt: str | None = None
    version: int
    items: int = 0
    documents: int = 0
    problems: list[dict[str, str]] = Field(default_factory=list)
    job_id: str | None = None
    synced_at: datetime | None = None
    created_at: datetime


class ZoteroLibraries(Answered):
    """The libraries connected to a project, oldest first."""

    libraries: list[ZoteroLibrary]


class SkippedNote(Answered):
    """A work that no note is written for, and why."""

    item_key: str
    reason: str


class NotesPreview(Answered):
    """What writing notes would come to; tokens and cost (USD) are estimates.

    `unchanged` of them are in the library already as they would be written.
    """

    notes: int
    unchanged: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0
    items: list[str] = Field(default_factory=list)
    skipped: list[SkippedNote] = Field(default_factory=list)


class BegunNotes(Answered):
    """The parent of the jobs that write notes, one for each of `items`."""

    job: Job
    items: list[str] = Field(default_factory=list)
    skipped: list[SkippedNote] = Field(default_factory=list)


class ZoteroNote(Answered):
    """A work's note; `html` is there while it is not in the library, or not all of it is.

    `status`: created, updated, unchanged, edited, removed, preview, or waiting for its job.
    """

    item_key: str
    note_key: str
    title: str | None = None
    status: str
    job_id: str | None = None
    html: str | None = None
    usage: dict[str, Any] | None = None
    updated_at: datetime
