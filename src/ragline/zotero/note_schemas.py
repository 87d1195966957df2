"""What reading notes look like over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, StrictBool, StrictInt

from ragline.accounts.schemas import CleanText
from ragline.jobs.schemas import JobView, WishesFields
from ragline.search.schemas import AttributeFilter, bounded_filter
from ragline.zotero.schemas import ItemKey, Prompt

MOST_NOTES = 1000
"""Notes that one request asks for."""


class NotesRequest(WishesFields):
    """Works that notes are to be written for: named ones, those that fit a filter, or all.

    With `push` false they are written and kept as previews. With `dry_run` nothing is written.
    """

    items: Annotated[list[ItemKey], Field(min_length=1, max_length=MOST_NOTES)] | None = None
    filter: Annotated[AttributeFilter | None, BeforeValidator(bounded_filter)] = None
    prompt: Prompt | None = None
    model: Annotated[CleanText, Field(min_length=1, max_length=200)] | None = None
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] | None = None
    limit: Annotated[StrictInt, Field(ge=1, le=MOST_NOTES)] = MOST_NOTES
    push: StrictBool = True
    dry_run: StrictBool = False


class SkippedItem(BaseModel):
    """A work that no note is written for, and why."""

    item_key: str
    reason: str


class NotesPlan(BaseModel):
    """What writing notes would come to; tokens and cost (USD) are estimates.

    `unchanged` of them are in the library already as they would be written.
    """

    notes: int
    unchanged: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    items: list[str]
    skipped: list[SkippedItem]


class NotesAccepted(BaseModel):
    """The parent of the jobs that write the notes, one for each of `items`."""

    job: JobView
    items: list[str]
    skipped: list[SkippedItem]


class NoteView(BaseModel):
    """A work's note; `html` is there while it is not in the library, or not all of it is.

    `status`: created, updated, unchanged, edited, removed, preview, or waiting for its job.
    """

    item_key: str
    note_key: str
    title: str | None
    status: str
    job_id: str | None
    html: str | None
    usage: dict[str, Any] | None
    updated_at: datetime


class NoteList(BaseModel):
    """Notes in the order of their items' keys; pass the last one as `after` for the next."""

    notes: list[NoteView]
    has_more: bool
