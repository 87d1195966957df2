"""What a question and its answer look like over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictInt

from ragline.accounts.schemas import CleanText
from ragline.chat.question import LIMIT
from ragline.jobs.schemas import JobView, WishesFields
from ragline.search.schemas import CitedWork

QuestionText = Annotated[CleanText, Field(min_length=1, max_length=4000, pattern=r"\S")]


class ChatRequest(WishesFields):
    """A question to a project; `limit` is the most passages the answer may rest on.

    With `session_id` it is the next message of that conversation and leans on those before
    it. With `stream` the answer is sent in pieces, as server-sent events.
    """

    question: QuestionText
    limit: Annotated[StrictInt, Field(ge=1, le=20)] = LIMIT
    model: Annotated[CleanText, Field(min_length=1, max_length=200)] | None = None
    session_id: Annotated[CleanText, Field(min_length=1, max_length=36)] | None = None
    stream: bool = False


class Citation(BaseModel):
    """Words of a source, on a page counted from 1; they stand there word for word.

    `reference` says what work the document is, where its metadata tell it.
    """

    document_id: str
    title: str
    page: int
    quote: str
    score: float
    reference: CitedWork | None = None


class UsageView(BaseModel):
    """Which model answered, the tokens it took (0 for local rules), and what they cost in USD.

    `adapter` is the name in `RAGLINE_LLM` that answered; the cost is 0 without a known price.
    `cached` says that the answer was kept from the same question, or from nearly the same
    one: then it took and cost nothing.
    """

    model: str
    prompt_tokens: int
    completion_tokens: int
    adapter: str = ""
    cost: float = 0.0
    cached: Literal["exact", "semantic"] | None = None


class ChatAnswer(BaseModel):
    """An answer with its sources; without citations nothing was found.

    `truncated` says that the model was cut off, by its longest answer or a filter.
    """

    answer: str
    citations: list[Citation]
    usage: UsageView
    truncated: bool = False


class ChatAccepted(BaseModel):
    """The job that answers a question; its `result` becomes the answer."""

    job: JobView
