"""What uploaded files look like in OpenAI's interface."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from ragline.openai_api.schemas import Listing, RequestModel

SHORTEST_LIFE, LONGEST_LIFE = 3600, 30 * 24 * 3600
Purpose = Literal["assistants", "user_data"]


class FileExpiry(RequestModel):
    """When a file goes by itself."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=SHORTEST_LIFE, le=LONGEST_LIFE)]


class FileFields(RequestModel):
    """What stands beside the file in the form."""

    purpose: Purpose
    expires_after: FileExpiry | None = None


class FileListing(Listing):
    """Which uploaded files are wanted."""

    limit: Annotated[int, Field(ge=1, le=10_000)] = 10_000
    purpose: str | None = None


class FileObject(BaseModel):
    """An uploaded file."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int | None = None
    filename: str
    purpose: str
    status: Literal["processed"] = "processed"
    status_details: None = None
