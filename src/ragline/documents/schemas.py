"""What documents look like over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    Tag,
)

from ragline.accounts.schemas import CleanText, RequestModel, kind_of
from ragline.jobs.schemas import JobView, Problem, WishesFields

LARGEST_NUMBER = 2**53


def _finite(value: float) -> float:
    # NaN is in no order to anything; a whole number of any length may be compared.
    if not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise ValueError("must be a finite number of at most 2**53")
    return value


Number = Annotated[StrictInt | StrictFloat, AfterValidator(_finite)]
MetadataText = Annotated[CleanText, Field(max_length=2000)]
MetadataKey = Annotated[CleanText, Field(min_length=1, max_length=100)]
MetadataEntry = Annotated[
    Annotated[StrictBool, Tag("boolean")]
    | Annotated[Number, Tag("number")]
    | Annotated[MetadataText, Tag("text")]
    | Annotated[list[MetadataText], Field(max_length=200), Tag("list")],
    Discriminator(
        kind_of,
        custom_error_type="metadata_value",
        custom_error_message="must be a text, a number, a boolean or a list of texts",
    ),
]
Metadata = Annotated[dict[MetadataKey, MetadataEntry], Field(max_length=50)]
"""Up to 50 keys with a text, number, boolean or list of texts each; searches filter by them."""

Title = Annotated[CleanText, Field(min_length=1, max_length=500, pattern=r"\S")]
ExternalId = Annotated[CleanText, Field(min_length=1, max_length=500)]


class TextDocument(WishesFields):
    """A document sent as JSON."""

    text: Annotated[CleanText, Field(min_length=1, pattern=r"\S")]
    title: Title | None = None
    external_id: ExternalId | None = None
    metadata: Metadata | None = None
    clean: bool | None = None


class UploadFields(WishesFields):
    """What may stand beside the files of a multipart upload; it holds for all of them.

    An external id is that of a single file.
    """

    title: Title | None = None
    external_id: ExternalId | None = None
    metadata: Metadata | None = None
    clean: bool | None = None


class DocumentChange(RequestModel):
    """What is to be said of a document from now on; what is left out stays as it is.

    An external id of null takes it away. `clean` says whether a model repairs passages that were
    read badly, null that the project decides.
    """

    title: Title | None = None
    metadata: Metadata | None = None
    external_id: ExternalId | None = None
    clean: bool | None = None


class NewerVersion(BaseModel):
    """A version of a document that is not published: in work, or failed, or cancelled."""

    job_id: str
    status: str
    title: str
    filename: str
    media_type: str
    size_bytes: int
    metadata: dict[str, Any]


class DocumentView(BaseModel):
    """A document as it is found, with the version that is to replace it, if there is one.

    `status` is that of its latest job, `searchable` that of a published version. `version` is
    the number of the published one; numbers rise, with gaps.
    """

    id: str
    project_id: str
    title: str
    filename: str
    external_id: str | None
    media_type: str
    size_bytes: int
    pages: int | None
    language: str | None
    metadata: dict[str, Any]
    status: str
    searchable: bool
    version: int | None = None
    newer: NewerVersion | None = None
    created_at: datetime


Change = Literal["new", "changed", "again", "unchanged", "duplicate"]
"""What a file is to its project.

`new`: it became a document. `changed`: a newer version of one. `again`: the same, ingested again
since its last job failed or was cancelled. `unchanged`: the document is like that already.
`duplicate`: its content is that of a document with another external id. The last two have no job.
"""


class TakenFile(BaseModel):
    """What became of a file that was taken, in the order of the request."""

    filename: str
    external_id: str | None
    document_id: str
    change: Change
    job_id: str | None


class RejectedFile(BaseModel):
    """A file of an upload that was not taken, while its neighbours were."""

    filename: str
    problem: Problem


class Accepted(BaseModel):
    """What became of an upload; `job` is null where all of it was there already.

    `files` tells it of each file. `job` is null as well where the jobs are children of a job
    that was there before: then each file names its own.
    """

    job: JobView | None
    documents: list[DocumentView]
    files: list[TakenFile] = []
    rejected: list[RejectedFile] = []


class DocumentList(BaseModel):
    """Documents, oldest first; pass the last id as `after` for the next ones."""

    documents: list[DocumentView]
    has_more: bool


class PageView(BaseModel):
    """A page with its text and the record of who read it."""

    number: int
    text: str
    engine: str
    failed_engines: list[Any]
    characters: int
    confidence: float | None
    seconds: float
    cost: float


class PageList(BaseModel):
    """Pages in order."""

    pages: list[PageView]
    has_more: bool


class ChunkView(BaseModel):
    """A passage with its pages, counted from 1."""

    id: str
    ordinal: int
    text: str
    heading: str | None
    page_start: int
    page_end: int
    language: str | None


class ChunkList(BaseModel):
    """The passages of the published version, in order."""

    chunks: list[ChunkView]
    has_more: bool


class Receipt(BaseModel):
    """What a deletion removed, and what was left of it when that was looked for afterwards.

    What other documents or uploaded files share with it is not counted: it stays theirs.
    """

    document_id: str
    removed: dict[str, int]
    remaining: dict[str, int] = {}
