"""What connected libraries look like over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, SecretStr

from ragline.accounts.schemas import CleanText, RequestModel
from ragline.jobs.schemas import JobView

LibraryName = Annotated[
    str,
    Field(
        pattern=r"^(users|groups)/[1-9][0-9]{0,14}$",
        description="`users/` or `groups/` and the number that zotero.org gives it.",
    ),
]
ItemKey = Annotated[str, Field(pattern=r"^[23456789ABCDEFGHIJKLMNPQRSTUVWXYZ]{8}$")]
ApiKey = Annotated[SecretStr, Field(min_length=1, max_length=200)]
Collections = Annotated[list[ItemKey], Field(max_length=1000)]
Prompt = Annotated[CleanText, Field(min_length=1, max_length=20_000, pattern=r"\S")]


class LibraryRequest(RequestModel):
    """A library to be connected; without a key it must be public."""

    library: LibraryName
    api_key: ApiKey | None = None
    collections: Collections = Field(default=[])
    prompt: Prompt | None = None


class LibraryChange(RequestModel):
    """Fields of a connection to be changed; those left out stay."""

    api_key: ApiKey | None = None
    collections: Collections = Field(default=[])
    prompt: Prompt | None = None


class LibraryView(BaseModel):
    """A connected library without its key.

    `version` is the library's own up to which all was taken; `job_id` the latest sync.
    """

    id: str
    project_id: str
    library: str
    has_key: bool
    collections: list[str]
    prompt: str | None
    version: int
    items: int
    documents: int
    problems: list[dict[str, str]]
    job_id: str | None
    synced_at: datetime | None
    created_at: datetime


class LibraryList(BaseModel):
    """The libraries connected to a project, oldest first."""

    libraries: list[LibraryView]


class SyncAccepted(BaseModel):
    """The job that syncs a library: the parent of its documents' jobs."""

    job: JobView
