"""The indexes of projects, and what a doctor found, as the server tells of them."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from ragline.client.models.base import Answered


class ProjectIndex(Answered):
    """An index of a project; `chunks` of `of` published passages are in it."""

    id: str | None = None
    vector_store: str
    embedder: str
    model: str
    dimensions: int
    chunks: int
    of: int


class ProjectIndexes(Answered):
    """What a project is searched with, what is being filled, and what it can go back to."""

    main: ProjectIndex
    better: ProjectIndex | None = None
    filling: ProjectIndex | None = None
    previous: ProjectIndex | None = None
    previous_until: datetime | None = None


class PreviousRemoved(Answered):
    """What was removed with the index that a project could have gone back to."""

    removed: dict[str, int] = Field(default_factory=dict)


class Difference(Answered):
    """One thing that is not as it should be; `message` says what, and what a repair does."""

    kind: str
    message: str
    repairable: bool = True
    project_id: str | None = None
    document_id: str | None = None
    index: str | None = None
    version: int | None = None
    file: str | None = None
    count: int = 1


class Diagnosis(Answered):
    """What a doctor looked at, by kind, and how it differs; `total` counts all differences."""

    healthy: bool
    looked: dict[str, int] = Field(default_factory=dict)
    total: int = 0
    differences: list[Difference] = Field(default_factory=list)
