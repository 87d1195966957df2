"""What a diagnosis looks like over HTTP."""

from __future__ import annotations

from pydantic import BaseModel

from ragline.accounts.schemas import RequestModel
from ragline.doctor.differences import Kind
from ragline.jobs.schemas import JobView

MOST_DIFFERENCES = 1000


class DifferenceView(BaseModel):
    """One thing that is not as it should be; `message` says what, and what a repair does.

    `repairable` tells whether a repair does anything about it; `count` is how many vectors, rows
    or files.
    """

    kind: Kind
    message: str
    repairable: bool
    project_id: str | None
    document_id: str | None
    index: str | None
    version: int | None
    file: str | None
    count: int


class Diagnosis(BaseModel):
    """What was looked at, by kind, and what differs (1,000 differences at most, of `total`)."""

    healthy: bool
    looked: dict[str, int]
    total: int
    differences: list[DifferenceView]


class RepairRequest(RequestModel):
    """What to repair: one project's indexes, or everything."""

    project_id: str | None = None


class RepairAccepted(BaseModel):
    """The job that repairs."""

    job: JobView
