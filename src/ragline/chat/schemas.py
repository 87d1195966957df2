"""What a question and its answer look like over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, StrictInt

from ragline.accounts.schemas import CleanText
from ragline.jobs.schemas import JobView, WishesFields


class ChatRequest(WishesFields):
    """A question to a project; `limit` is the most passages the answer may rest on."""

    question: Annotated[CleanText, Field(min_length=1, max_length=4000, pattern=r"\S")]
    limit: Annotated[StrictInt, Field(ge=1, le=20)] = 6
    model: Annotated[CleanText, Field(min_length=1, max_length=200)] | None = None


class Citation(BaseModel):
    """Words of a source, on a page counted from 1; they stand there word for word."""

    document_id: str
    title: str
    page: int
    quote: str
    score: float


class UsageView(BaseModel):
    """Which model answered, and the tokens it took (0 for local rules)."""

    model: str
    prompt_tokens: int
    completion_tokens: int


class ChatAnswer(BaseModel):
    """An answer with its sources; without citations nothing was found."""

    answer: str
    citations: list[Citation]
    usage: UsageView


class ChatAccepted(BaseModel):
    """The job that answers a question; its `result` becomes the answer."""

    job: JobView
