"""What products look like over HTTP."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from ragline.accounts.schemas import CleanText
from ragline.documents.schemas import Metadata
from ragline.errors import InvalidInput
from ragline.jobs.schemas import JobView, WishesFields


def _part_of_a_path(text: str) -> str:
    if text in (".", ".."):
        raise ValueError("must not be a step in a path")
    return text


ProductId = Annotated[
    CleanText,
    Field(min_length=1, max_length=200, pattern=r"^[^/\\\x00-\x1f\x7f]+$"),
    AfterValidator(_part_of_a_path),
]
ProductName = Annotated[CleanText, Field(min_length=1, max_length=500, pattern=r"\S")]
Description = Annotated[CleanText, Field(max_length=20_000)]


class ProductFields(WishesFields):
    """What stands beside the picture; of a product that is known, what is left out stays."""

    product_id: ProductId
    name: ProductName | None = None
    description: Description | None = None
    metadata: Metadata | None = None


class ProductBody(ProductFields):
    """A product as JSON; `image` is a picture in base64, or a data URL of one."""

    image: str | None = None

    @property
    def fields(self) -> ProductFields:
        """All but the picture."""
        names = ProductFields.model_fields
        return ProductFields.model_construct(**{name: getattr(self, name) for name in names})


def from_base64(text: str) -> bytes:
    """Return what base64, or a data URL of it, holds."""
    text = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(
            "The field 'image' is no base64; send a picture's bytes in it."
        ) from None


class ProductView(BaseModel):
    """A product as search finds it, or as it was sent where no version of it is searchable yet.

    `status` is that of its latest job; with `searchable` an earlier version is found until that
    has completed. Width and height are those of the upright picture.
    """

    product_id: str
    project_id: str
    name: str
    description: str
    metadata: dict[str, Any]
    media_type: str
    size_bytes: int
    width: int | None
    height: int | None
    status: str
    searchable: bool
    job_id: str
    thumbnail_url: str | None
    created_at: datetime


class ProductAccepted(BaseModel):
    """What became of a product that was sent; `job` is null where all of it was there already."""

    job: JobView | None
    product_id: str


class ProductList(BaseModel):
    """Products, oldest first; pass the last `product_id` as `after` for the next ones."""

    images: list[ProductView]
    has_more: bool


class ProductReceipt(BaseModel):
    """What a deletion removed, and what a look afterwards found to be left of it."""

    product_id: str
    removed: dict[str, int]
    remaining: dict[str, int]
