"""What all answers share."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

Item = TypeVar("Item")

LISTS = (
    "projects",
    "documents",
    "pages",
    "chunks",
    "jobs",
    "webhooks",
    "deliveries",
    "agents",
    "pairs",
    "sessions",
    "shares",
    "messages",
    "images",
    "notes",
)


class Answered(BaseModel):
    """Something the server sent; fields that this version does not know are kept."""

    # Models are built when they are first used: most callers need a few of them.
    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)


class Page(Answered, Generic[Item]):
    """A part of a listing; `has_more` says that others follow."""

    items: list[Item] = Field(validation_alias=AliasChoices(*LISTS))
    has_more: bool


class Problem(Answered):
    """Why something did not work; `detail` says what to do next."""

    type: str
    title: str
    detail: str
    retryable: bool = False
