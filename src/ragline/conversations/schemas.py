"""What agents, sessions and messages look like over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StrictInt

from ragline.accounts.schemas import CleanText, Name, RequestModel
from ragline.chat.question import HISTORY_TOKENS, LIMIT, NEAR
from ragline.chat.schemas import Citation, QuestionText, UsageView
from ragline.jobs.schemas import Problem, Status, WishesFields
from ragline.search.retrieval import Mode
from ragline.search.schemas import AttributeFilter, Hit, bounded_filter

MOST_PROJECTS = 50

Identifier = Annotated[CleanText, Field(min_length=1, max_length=36)]
Model = Annotated[CleanText, Field(min_length=1, max_length=200)]
Text = Annotated[CleanText, Field(max_length=5000)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]
"""The language of answers, as an ISO 639-1 code."""


def _distinct(ids: list[str]) -> list[str]:
    return list(dict.fromkeys(ids))


Projects = Annotated[
    list[Identifier], Field(min_length=1, max_length=MOST_PROJECTS), AfterValidator(_distinct)
]


class Retrieval(RequestModel):
    """How an agent searches; `limit` is the most passages an answer may rest on."""

    limit: Annotated[StrictInt, Field(ge=1, le=20)] = LIMIT
    mode: Mode = "hybrid"
    filter: Annotated[AttributeFilter | None, BeforeValidator(bounded_filter)] = None


class Answering(RequestModel):
    """What an agent asks of its model; null leaves it to the model.

    `history_tokens` bounds what is sent of the conversation so far. `near` is the score (0 to 1)
    from which a passage counts as near: with fewer than three, other words are searched for.
    """

    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    most_tokens: Annotated[StrictInt, Field(ge=1, le=100_000)] | None = None
    history_tokens: Annotated[StrictInt, Field(ge=0, le=100_000)] = HISTORY_TOKENS
    near: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = NEAR


class AgentRequest(RequestModel):
    """An agent to be made: who answers, from which projects, and how."""

    name: Name
    projects: Projects
    description: Text | None = None
    instructions: Text = ""
    model: Model | None = None
    language: Language | None = None
    retrieval: Retrieval = Field(default_factory=Retrieval)
    answering: Answering = Field(default_factory=Answering)


class AgentChange(RequestModel):
    """Fields of an agent to be changed; those left out stay, within the groups too."""

    name: Name = ""
    projects: Projects = Field(default=[])
    description: Text | None = None
    instructions: Text = ""
    model: Model | None = None
    language: Language | None = None
    retrieval: Retrieval = Field(default_factory=Retrieval)
    answering: Answering = Field(default_factory=Answering)


class AgentView(BaseModel):
    """An agent."""

    id: str
    name: str
    description: str | None
    projects: list[str]
    instructions: str
    model: str | None
    language: str | None
    retrieval: Retrieval
    answering: Answering
    created_at: datetime


class AgentList(BaseModel):
    """Agents, oldest first; pass the last id as `after` for the next ones."""

    agents: list[AgentView]
    has_more: bool


class PairRequest(RequestModel):
    """A question with the answer to give whenever it is asked nearly so."""

    question: QuestionText
    answer: Annotated[CleanText, Field(min_length=1, max_length=20_000, pattern=r"\S")]


class PairView(BaseModel):
    """A stored pair of question and answer."""

    id: str
    question: str
    answer: str
    created_at: datetime


class PairList(BaseModel):
    """Pairs, oldest first; pass the last id as `after` for the next ones."""

    pairs: list[PairView]
    has_more: bool


def _small(metadata: dict[str, Any]) -> dict[str, Any]:
    if len(metadata) > 50 or any(len(key) > 100 for key in metadata):
        raise ValueError("must have at most 50 keys of at most 100 characters")
    return metadata


MetadataText = Annotated[CleanText, Field(max_length=2000)]
SessionMetadata = Annotated[
    dict[Annotated[CleanText, Field(min_length=1)], MetadataText | int | float | bool | None],
    AfterValidator(_small),
]


class SessionRequest(RequestModel):
    """A conversation to be begun with an agent; `metadata` is yours."""

    agent_id: Identifier
    title: Annotated[CleanText, Field(min_length=1, max_length=200)] | None = None
    metadata: SessionMetadata = Field(default_factory=dict)


class SessionView(BaseModel):
    """A conversation; `messages` counts those of both sides."""

    id: str
    agent_id: str
    title: str | None
    metadata: dict[str, Any]
    messages: int
    created_at: datetime


class SessionList(BaseModel):
    """Conversations, newest first; pass the last id as `after` for the next ones."""

    sessions: list[SessionView]
    has_more: bool


class MessageRequest(WishesFields):
    """What a user says; with `stream` the answer is sent in pieces, as server-sent events."""

    content: QuestionText
    stream: bool = False


class MessageView(BaseModel):
    """A message of a session, numbered from 1.

    An assistant's is the job `job_id`, whose status it has; `content`, `citations` and `usage`
    are null until that has completed. `queue_position` counts from 1 and is null once it runs;
    a message that waits for the one before it is `pending`. `generation_time_ms` is what the
    model took. A user's message is `completed` and has no job.
    """

    message_id: str
    session_id: str
    number: int
    role: Literal["user", "assistant"]
    status: Status
    waiting_for: str | None
    queue_position: int | None
    eta_seconds: float | None
    queued_at: datetime
    processing_started_at: datetime | None
    processing_completed_at: datetime | None
    content: str | None
    citations: list[Citation] | None
    usage: UsageView | None
    generation_time_ms: int | None
    error: Problem | None
    retry_count: int
    job_id: str | None


class MessageList(BaseModel):
    """Messages in their order; pass the last id as `after` for the next ones."""

    messages: list[MessageView]
    has_more: bool


class Removed(BaseModel):
    """The receipt of a deletion: what was removed, and the open jobs that were cancelled."""

    agents: int = 0
    pairs: int = 0
    sessions: int = 0
    messages: int = 0
    cancelled: int = 0


class QueryRequest(RequestModel):
    """A question whose projects are looked for, among an agent's or those named."""

    question: QuestionText
    agent_id: Identifier | None = None
    projects: Projects | None = None
    limit: Annotated[StrictInt, Field(ge=1, le=100)] = 10


class ProjectScore(BaseModel):
    """Why a project is asked or not; scores go from 0 to 1.

    `passages` is the mean score of its three best passages, on one scale for all projects;
    `description` the nearness of its name and description to the question.
    """

    project_id: str
    name: str
    score: float
    passages: float
    description: float
    chosen: bool


class ProjectHit(Hit):
    """A passage with the project it stands in."""

    project_id: str


class QueryAnswer(BaseModel):
    """Projects, best first, and the passages of the chosen ones as one ranking."""

    projects: list[ProjectScore]
    hits: list[ProjectHit]
