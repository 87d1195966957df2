"""What vector stores, their files and batches of them look like in OpenAI's interface."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    Discriminator,
    Field,
    StrictBool,
    Tag,
    model_validator,
)

from ragline.accounts.schemas import CleanText, Name, kind_of
from ragline.documents.schemas import Number
from ragline.openai_api.schemas import Listing, RequestModel
from ragline.projects.schemas import Description

MOST_FILES = 2000
FileStatus = Literal["in_progress", "completed", "cancelled", "failed"]

Label = Annotated[CleanText, Field(min_length=1, max_length=64)]
ShortText = Annotated[CleanText, Field(max_length=512)]
StoreMetadata = Annotated[dict[Label, ShortText], Field(max_length=16)]
Attribute = Annotated[
    Annotated[StrictBool, Tag("boolean")]
    | Annotated[Number, Tag("number")]
    | Annotated[ShortText, Tag("text")],
    Discriminator(
        kind_of,
        custom_error_type="attribute_value",
        custom_error_message="must be a text, a number or a boolean",
    ),
]
Attributes = Annotated[dict[Label, Attribute], Field(max_length=16)]
"""What searches filter by: up to 16 keys with a text, a number or a boolean each."""
GivenId = Annotated[CleanText, Field(min_length=1, max_length=100)]


class StoreExpiry(RequestModel):
    """After how many days without use a vector store expires."""

    anchor: Literal["last_active_at"]
    days: Annotated[int, Field(ge=1, le=365)]


class AutomaticChunking(RequestModel):
    """How files are split: as Ragline does; sizes cannot be chosen."""

    type: Literal["auto"]


class StoreRequest(RequestModel):
    """A vector store to be made."""

    name: Name | None = None
    description: Description | None = None
    file_ids: Annotated[list[GivenId], Field(max_length=MOST_FILES)] = Field(default_factory=list)
    metadata: StoreMetadata | None = None
    expires_after: StoreExpiry | None = None
    chunking_strategy: AutomaticChunking | None = None


class StoreChange(RequestModel):
    """What of a vector store is to be changed; what is left out stays."""

    name: Name | None = None
    metadata: StoreMetadata | None = None
    expires_after: StoreExpiry | None = None


class FileCounts(BaseModel):
    """How many files there are, by what became of them."""

    in_progress: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    total: int = 0


class StoreObject(BaseModel):
    """A vector store, which is a project."""

    id: str
    object: Literal["vector_store"] = "vector_store"
    created_at: int
    name: str
    description: str | None
    usage_bytes: int
    file_counts: FileCounts
    status: Literal["expired", "in_progress", "completed"]
    expires_after: StoreExpiry | None
    expires_at: int | None
    last_active_at: int
    metadata: dict[str, str]


class FileRequest(RequestModel):
    """A file to be put into a vector store."""

    file_id: GivenId
    attributes: Attributes | None = None
    chunking_strategy: AutomaticChunking | None = None


class FileChange(RequestModel):
    """The new attributes of a file in a vector store, instead of all it has."""

    attributes: Attributes


class BatchRequest(RequestModel):
    """Files to be put into a vector store together; `file_ids` or `files`, not both."""

    file_ids: Annotated[list[GivenId], Field(min_length=1, max_length=MOST_FILES)] | None = None
    files: Annotated[list[FileRequest], Field(min_length=1, max_length=MOST_FILES)] | None = None
    attributes: Attributes | None = None
    chunking_strategy: AutomaticChunking | None = None

    @model_validator(mode="after")
    def _one_of(self) -> BatchRequest:
        if (self.file_ids is None) == (self.files is None):
            raise ValueError("send either file_ids or files")
        if self.files is not None and self.attributes is not None:
            raise ValueError("send attributes with each of the files")
        return self

    @property
    def wanted(self) -> list[FileRequest]:
        """The files, each with its attributes."""
        if self.files is not None:
            return self.files
        ids = self.file_ids or []
        return [FileRequest(file_id=each, attributes=self.attributes) for each in ids]


class LastError(BaseModel):
    """Why a file failed."""

    code: Literal["server_error", "unsupported_file", "invalid_file"]
    message: str


class StoreFileObject(BaseModel):
    """A file in a vector store."""

    id: str
    object: Literal["vector_store.file"] = "vector_store.file"
    created_at: int
    vector_store_id: str
    status: FileStatus
    usage_bytes: int
    last_error: LastError | None
    attributes: dict[str, Any]
    # Theirs are in tokens; "other" is their word for a way of splitting they do not know.
    chunking_strategy: dict[str, str] = {"type": "other"}


class BatchObject(BaseModel):
    """A batch of files, which is a job."""

    id: str
    object: Literal["vector_store.files_batch"] = "vector_store.files_batch"
    created_at: int
    vector_store_id: str
    status: FileStatus
    file_counts: FileCounts


class FileText(BaseModel):
    """The text of a page."""

    type: Literal["text"] = "text"
    text: str


class FileTextPage(BaseModel):
    """A file's text, page by page."""

    object: Literal["vector_store.file_content.page"] = "vector_store.file_content.page"
    data: list[FileText]
    has_more: bool = False
    next_page: str | None = None


class StoreFileListing(Listing):
    """Which files of a vector store are wanted."""

    filter: FileStatus | None = None


def shown_attributes(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return a document's metadata as attributes, which hold no lists."""
    return {key: value for key, value in metadata.items() if not isinstance(value, list)}
