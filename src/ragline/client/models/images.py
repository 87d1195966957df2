"""Products, as the server tells of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from ragline.client.models.base import Answered
from ragline.client.models.jobs import Job


class Product(Answered):
    """A product; `searchable` says whether a version of it can be found."""

    product_id: str
    project_id: str
    name: str
    description: str
    metadata: dict[str, Any] = Field(default_factory=dict)
    media_type: str
    size_bytes: int
    width: int | None = None
    height: int | None = None
    status: str
    searchable: bool
    job_id: str
    thumbnail_url: str | None = None
    created_at: datetime


class SentProduct(Answered):
    """What became of a product that was sent; `job` is None where it was there already."""

    job: Job | None
    product_id: str


class ProductScores(Answered):
    """The score (0 to 1) of each part of a search; None where it was not asked for."""

    image: float | None = None
    text: float | None = None
    keywords: float | None = None


class ProductHit(Answered):
    """A product that was found."""

    product_id: str
    name: str
    description: str
    score: float
    scores: ProductScores
    metadata: dict[str, Any] = Field(default_factory=dict)
    thumbnail_url: str | None = None


class ProductHits(Answered):
    """Products, best first."""

    hits: list[ProductHit]


class ProductReceipt(Answered):
    """What a deletion removed, and what a look afterwards found to be left."""

    product_id: str
    removed: dict[str, int]
    remaining: dict[str, int]
