"""Hits and cited answers, as the server tells of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from ragline.client.models.base import Answered


class Work(Answered):
    """What a citation says of the work that a document is."""

    authors: list[str] = Field(default_factory=list)
    year: int | None = None
    container: str | None = None
    doi: str | None = None
    citation_key: str | None = None
    item_type: str | None = None


class Hit(Answered):
    """A passage that was found, on pages counted from 1, with a score from 0 to 1.

    `chunk_ids` are those of its chunks in reading order, `chunk_id` that of the best one.
    """

    score: float
    text: str
    document_id: str
    chunk_id: str
    title: str
    page_start: int
    page_end: int
    metadata: dict[str, Any] = Field(default_factory=dict)
    reference: Work | None = None
    chunk_ids: list[str] = Field(default_factory=list)


class SearchWarning(Answered):
    """What could not be done as asked, though there is an answer."""

    code: str
    message: str


class Hits(Answered):
    """The answer to a search."""

    hits: list[Hit]
    warnings: list[SearchWarning] = Field(default_factory=list)


class HitList(list[Hit]):
    """Hits, best first, with what could not be done as asked."""

    def __init__(self, hits: Iterable[Hit], warnings: Iterable[SearchWarning] = ()) -> None:
        super().__init__(hits)
        self.warnings = list(warnings)


class Citation(Answered):
    """Words of a source, on a page counted from 1."""

    document_id: str
    title: str
    page: int
    quote: str
    score: float
    reference: Work | None = None


class Usage(Answered):
    """Which model answered, the tokens it took and what they cost in USD.

    `cached` says that the answer was kept from this question ("exact") or from nearly the same
    one ("semantic"): then it cost nothing.
    """

    model: str
    prompt_tokens: int
    completion_tokens: int
    adapter: str = ""
    cost: float = 0.0
    cached: str | None = None


class Answer(Answered):
    """An answer with its sources; without citations nothing was found.

    `truncated` says that the model was cut off.
    """

    answer: str
    citations: list[Citation]
    usage: Usage
    truncated: bool = False
