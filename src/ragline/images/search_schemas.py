"""What a search for products looks like over HTTP."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, StrictFloat, StrictInt, model_validator

from ragline.accounts.schemas import CleanText, RequestModel
from ragline.errors import InvalidInput
from ragline.images.schemas import from_base64
from ragline.search.schemas import AttributeFilter, bounded_filter

Weight = Annotated[StrictInt | StrictFloat, Field(ge=0, le=1000, allow_inf_nan=False)]
Query = Annotated[CleanText, Field(min_length=1, max_length=4000, pattern=r"\S")]


class Weights(RequestModel):
    """How much each part counts; they need not add up to 1.

    `image` compares pictures, or the query's words with pictures where no picture is given;
    `text` compares the query with names and descriptions by meaning, `keywords` by words. What
    is left out is 0.
    """

    image: Weight = 0
    text: Weight = 0
    keywords: Weight = 0

    @model_validator(mode="after")
    def _not_all_zero(self) -> Weights:
        if not (self.image or self.text or self.keywords):
            raise ValueError("one of the weights must be above 0")
        return self


class SearchFields(RequestModel):
    """A search for products, without its picture."""

    query: Query | None = None
    weights: Weights | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 10
    filter: Annotated[AttributeFilter | None, BeforeValidator(bounded_filter)] = None


class SearchBody(SearchFields):
    """A search for products as JSON; `image` is a picture in base64, or a data URL of one."""

    image: str | None = None

    @property
    def picture(self) -> bytes | None:
        """The picture's bytes."""
        return None if self.image is None else from_base64(self.image)

    @property
    def fields(self) -> SearchFields:
        """The rest of it."""
        return SearchFields.model_construct(
            query=self.query, weights=self.weights, limit=self.limit, filter=self.filter
        )


class ProductScores(BaseModel):
    """The score (0 to 1) of each part; null where it was not asked for."""

    image: float | None
    text: float | None
    keywords: float | None


class ProductHit(BaseModel):
    """A product that was found; scores are comparable within one answer."""

    product_id: str
    name: str
    description: str
    score: float
    scores: ProductScores
    metadata: dict[str, Any]
    thumbnail_url: str | None


class ProductSearchAnswer(BaseModel):
    """Products, best first."""

    hits: list[ProductHit]


def from_form(given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a form with those read that hold JSON or a number."""
    read = dict(given)
    for name in ("weights", "filter", "limit"):
        if name in read:
            try:
                read[name] = json.loads(read[name])
            except (ValueError, RecursionError):
                raise InvalidInput(f"The form field {name!r} must hold JSON.") from None
    return read
