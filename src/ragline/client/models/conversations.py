"""Agents, sessions and messages, as the server tells of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from ragline.client.models.answers import Citation, Hit, Usage
from ragline.client.models.base import Answered, Problem
from ragline.client.models.jobs import ENDED


class Agent(Answered):
    """Who answers, from which projects, and how."""

    id: str
    name: str
    description: str | None = None
    projects: list[str]
    instructions: str = ""
    model: str | None = None
    language: str | None = None
    retrieval: dict[str, Any] = Field(default_factory=dict)
    answering: dict[str, Any] = Field(default_factory=dict)
    created_at: datetime


class Pair(Answered):
    """A question with the answer that is given whenever it is asked nearly so."""

    id: str
    question: str
    answer: str
    created_at: datetime


class Session(Answered):
    """A conversation; `messages` counts those of both sides."""

    id: str
    agent_id: str
    title: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    messages: int = 0
    created_at: datetime


class Message(Answered):
    """A message of a session, numbered from 1; an assistant's is the job `job_id`.

    `content`, `citations` and `usage` are None until that has completed; `queue_position`
    counts from 1 and is None once it runs.
    """

    message_id: str
    session_id: str
    number: int
    role: str
    status: str
    waiting_for: str | None = None
    queue_position: int | None = None
    eta_seconds: float | None = None
    queued_at: datetime
    processing_started_at: datetime | None = None
    processing_completed_at: datetime | None = None
    content: str | None = None
    citations: list[Citation] | None = None
    usage: Usage | None = None
    generation_time_ms: int | None = None
    error: Problem | None = None
    retry_count: int = 0
    job_id: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to this message unless it is retried."""
        return self.status in ENDED


class Share(Answered):
    """A public link to an agent, with what was used of it; limits that are None do not hold.

    `token` and the `path` of its page are there only when it was made just now.
    """

    id: str
    agent_id: str
    name: str
    expires_at: datetime | None = None
    most_messages: int | None = None
    most_tokens: int | None = None
    per_minute: int | None = None
    messages: int = 0
    tokens: int = 0
    reserved_tokens: int = 0
    created_at: datetime
    token: str | None = None
    path: str | None = None


class Removed(Answered):
    """What a deletion removed, by kind, and the open jobs that it cancelled."""

    agents: int = 0
    pairs: int = 0
    sessions: int = 0
    messages: int = 0
    cancelled: int = 0


class ProjectScore(Answered):
    """Why a project is asked or not; scores go from 0 to 1."""

    project_id: str
    name: str
    score: float
    passages: float
    description: float
    chosen: bool


class ProjectHit(Hit):
    """A passage with the project it stands in."""

    project_id: str


class Routed(Answered):
    """Projects, best first, and the passages of the chosen ones as one ranking."""

    projects: list[ProjectScore]
    hits: list[ProjectHit]
