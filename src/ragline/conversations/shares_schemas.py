"""What shares look like over HTTP: to their owner, and to the public."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, StrictInt

from ragline.accounts.schemas import Name, RequestModel
from ragline.chat.schemas import QuestionText
from ragline.jobs.schemas import Status


class ShareRequest(RequestModel):
    """A link to be made; limits that are null do not hold."""

    name: Name | None = None
    expires_at: AwareDatetime | None = None
    most_messages: Annotated[StrictInt, Field(ge=1, le=10**9)] | None = None
    most_tokens: Annotated[StrictInt, Field(ge=1, le=10**15)] | None = None
    per_minute: Annotated[StrictInt, Field(ge=1, le=10_000)] | None = None


class ShareView(BaseModel):
    """A share with what was used of it; `reserved_tokens` are those of answers under way."""

    id: str
    agent_id: str
    name: str
    expires_at: datetime | None
    most_messages: int | None
    most_tokens: int | None
    per_minute: int | None
    messages: int
    tokens: int
    reserved_tokens: int
    created_at: datetime


class NewShareView(ShareView):
    """A share with its secret, shown this once; `path` is that of its page."""

    token: str
    path: str


class ShareList(BaseModel):
    """Shares in force or expired, oldest first; pass the last id as `after` for the next ones."""

    shares: list[ShareView]
    has_more: bool


class LimitsLeft(BaseModel):
    """What is left of a share; null where nothing limits it."""

    messages: int | None
    tokens: int | None
    per_minute: int | None
    expires_at: datetime | None


class SharedAgent(BaseModel):
    """Who answers behind a share."""

    name: str
    description: str | None
    language: str | None
    limits: LimitsLeft


class SharedSession(BaseModel):
    """A conversation that was begun through a share; who knows its id can read it."""

    id: str
    created_at: datetime


class SharedQuestion(RequestModel):
    """What a visitor asks."""

    content: QuestionText


class SharedCitation(BaseModel):
    """Words of a source, on a page counted from 1."""

    title: str
    page: int
    quote: str


class SharedProblem(BaseModel):
    """Why there is no answer; nothing of what stands behind the agent is told."""

    type: str
    title: str
    detail: str
    retryable: bool


class SharedMessage(BaseModel):
    """A message as visitors see it; `content` and `citations` are null until it has completed."""

    message_id: str
    session_id: str
    number: int
    role: Literal["user", "assistant"]
    status: Status
    queue_position: int | None
    eta_seconds: float | None
    created_at: datetime
    content: str | None
    citations: list[SharedCitation] | None
    error: SharedProblem | None


class SharedMessageList(BaseModel):
    """Messages in their order; pass the last id as `after` for the next ones."""

    messages: list[SharedMessage]
    has_more: bool
