"""What a search looks like over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    Tag,
)

from ragline.accounts.schemas import CleanText, RequestModel, kind_of
from ragline.providers import contracts
from ragline.search.options import Refining
from ragline.search.retrieval import Mode

MOST_FILTER_PARTS = 100
DEEPEST_FILTER = 10

FilterText = Annotated[CleanText, Field(max_length=2000)]
FilterNumber = StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)]
FilterValue = Annotated[
    Annotated[StrictBool, Tag("boolean")]
    | Annotated[FilterNumber, Tag("number")]
    | Annotated[FilterText, Tag("text")],
    Discriminator(
        kind_of,
        custom_error_type="filter_value",
        custom_error_message="must be a text, a number or a boolean",
    ),
]
FilterKey = Annotated[CleanText, Field(min_length=1, max_length=100)]


def bounded_filter(filter: object) -> object:
    """Refuse a filter that would take long to check, before it is looked at more closely."""
    level: list[object] = [filter]
    parts = 0
    for _ in range(DEEPEST_FILTER + 1):
        parts += len(level)
        if parts > MOST_FILTER_PARTS:
            raise ValueError(f"must not have more than {MOST_FILTER_PARTS} conditions")
        inner = [part["filters"] for part in level if isinstance(part, dict) and "filters" in part]
        level = [part for parts in inner if isinstance(parts, list) for part in parts]
        if not level:
            return filter
    raise ValueError(f"must not be nested more than {DEEPEST_FILTER} deep")


class ComparisonFilter(RequestModel):
    """A condition on one metadata key."""

    type: Literal["eq", "ne", "gt", "gte", "lt", "lte"]
    key: FilterKey
    value: FilterValue

    def to_filter(self) -> contracts.Filter:
        """Return the condition as vector stores understand it."""
        return contracts.Comparison(self.type, self.key, self.value)


class MembershipFilter(RequestModel):
    """A condition that a metadata key has one of several values, or none of them."""

    type: Literal["in", "nin"]
    key: FilterKey
    value: Annotated[list[FilterValue], Field(min_length=1, max_length=100)]

    def to_filter(self) -> contracts.Filter:
        """Return the condition as vector stores understand it."""
        return contracts.Comparison(self.type, self.key, tuple(self.value))


class CompoundFilter(RequestModel):
    """Conditions of which all, or any, must hold; they may be nested."""

    type: Literal["and", "or"]
    filters: Annotated[list[AttributeFilter], Field(min_length=1)]

    def to_filter(self) -> contracts.Filter:
        """Return the conditions as vector stores understand them."""
        return contracts.Compound(self.type, tuple(part.to_filter() for part in self.filters))


AttributeFilter = Annotated[
    ComparisonFilter | MembershipFilter | CompoundFilter, Field(discriminator="type")
]


Fraction = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]


class SearchRequest(RequestModel):
    """A search in a project."""

    query: Annotated[CleanText, Field(min_length=1, max_length=4000, pattern=r"\S")]
    limit: Annotated[StrictInt, Field(ge=1, le=100)] = 10
    mode: Mode = "hybrid"
    filter: Annotated[AttributeFilter | None, BeforeValidator(bounded_filter)] = None
    rerank: Annotated[
        StrictBool | None,
        Field(description="Have the best passages read again; left out: where the server can."),
    ] = None
    min_score: Annotated[
        Fraction | None,
        Field(description="Leave out weaker passages; left out: those that are noise."),
    ] = None
    diversity: Annotated[
        Fraction, Field(description="How much a passage loses by its likeness to better ones.")
    ] = 0.0
    merge: Annotated[
        StrictBool, Field(description="Put neighbours of one document together as one passage.")
    ] = False

    def refining(self) -> Refining:
        """Return what is to be done between ranking and answer."""
        return Refining(self.rerank, self.min_score, self.diversity, self.merge)


class CitedWork(BaseModel):
    """What a citation says of a work, where the document's metadata tell it; 10 authors at most."""

    authors: list[str] = []
    year: int | None = None
    container: str | None = None
    doi: str | None = None
    citation_key: str | None = None
    item_type: str | None = None


class Hit(BaseModel):
    """A passage that was found; scores go from 0 to 1, whatever model they come from.

    `chunk_ids` are those of its chunks in reading order, `chunk_id` that of the best one.
    `reference` is there for documents that are works of a library, with authors, a DOI or a
    citation key.
    """

    score: float
    text: str
    document_id: str
    chunk_id: str
    title: str
    page_start: int
    page_end: int
    metadata: dict[str, Any]
    reference: CitedWork | None = None
    chunk_ids: list[str] = []


class SearchWarning(BaseModel):
    """What could not be done as asked, though there is an answer."""

    code: str
    message: str


class SearchAnswer(BaseModel):
    """Passages, best first; none means that nothing near enough to the question was found."""

    hits: list[Hit]
    warnings: list[SearchWarning] = []
