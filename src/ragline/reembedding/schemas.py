"""What re-embedding looks like over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from ragline.accounts.schemas import CleanText, RequestModel
from ragline.jobs.schemas import JobView

Spec = Annotated[CleanText, Field(min_length=1, max_length=200, pattern=r"^\S+$")]
StoreName = Annotated[CleanText, Field(min_length=1, max_length=40, pattern=r"^\S+$")]


class KnownAnswer(RequestModel):
    """A question, and the documents that answer it, by id or external id."""

    question: Annotated[CleanText, Field(min_length=1, max_length=2000, pattern=r"\S")]
    documents: Annotated[list[CleanText], Field(min_length=1, max_length=100)]


class CheckWish(RequestModel):
    """How the new index is compared with the old one before it answers.

    `questions` is how many are asked of both; `overlap` the least mean share of equal results
    among the first ten (null: .9 for the same model, .3 for another); `eval` are questions of
    which it is known what answers them, which count instead.
    """

    questions: Annotated[int, Field(ge=1, le=500)] = 50
    overlap: Annotated[float, Field(ge=0, le=1)] | None = None
    eval: Annotated[tuple[KnownAnswer, ...], Field(max_length=500)] = ()


class ReembedRequest(RequestModel):
    """What a project is to be searched with; what is left out stays as it is.

    `embedder` is a model such as `openai:text-embedding-3-small`, `vector_store` the name of a
    store. `force` swaps even if the check says that the new index finds other things.
    """

    embedder: Spec | None = None
    vector_store: StoreName | None = None
    check: CheckWish = CheckWish()
    force: bool = False


class ReembedAccepted(BaseModel):
    """The job that re-embeds a project."""

    job: JobView


class IndexView(BaseModel):
    """An index of a project; `chunks` of `of` published passages are in it."""

    id: str | None
    vector_store: str
    embedder: str
    model: str
    dimensions: int
    chunks: int
    of: int


class IndexesView(BaseModel):
    """What a project is searched with, what is being filled, and what it can go back to."""

    main: IndexView
    better: IndexView | None = None
    filling: IndexView | None = None
    previous: IndexView | None = None
    previous_until: datetime | None = None


class PreviousRemoved(BaseModel):
    """What was removed with the index that a project could have gone back to."""

    removed: dict[str, int]
