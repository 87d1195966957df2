"""What all of OpenAI's objects share over HTTP: lists, times and requests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from ragline.accounts.schemas import RequestModel

__all__ = ["Deleted", "Listing", "ListingParameter", "ObjectList", "RequestModel", "page", "unix"]

MOST_LISTED = 100
Item = TypeVar("Item", bound=BaseModel)


class ObjectList(BaseModel, Generic[Item]):
    """A part of a list; `last_id` is passed as `after` for the next one."""

    object: Literal["list"] = "list"
    data: list[Item]
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool = False


class Deleted(BaseModel):
    """The word that something is gone."""

    id: str
    object: str
    deleted: Literal[True] = True


class Listing(RequestModel):
    """Which part of a list is wanted: up to `limit` behind `after`, or in front of `before`."""

    limit: Annotated[int, Field(ge=1, le=MOST_LISTED)] = 20
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None
    before: str | None = None


ListingParameter = Annotated[Listing, Query()]


def page(items: Sequence[Item], *, has_more: bool) -> ObjectList[Item]:
    """Return a part of a list of things with ids."""
    ids: list[str | None] = [getattr(item, "id", None) for item in items]
    first, last = (ids[0], ids[-1]) if ids else (None, None)
    return ObjectList(data=list(items), first_id=first, last_id=last, has_more=has_more)


def unix(moment: datetime) -> int:
    """Return a moment as OpenAI writes it, in whole seconds since 1970."""
    return int(moment.timestamp())
