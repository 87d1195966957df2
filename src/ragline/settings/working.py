"""Queues, workers, and the time that jobs are given."""

from __future__ import annotations

from pydantic import BaseModel, Field

from ragline.settings.machine import CORES


class WorkingSettings(BaseModel):
    """Queues, workers, and the time that jobs are given."""

    chat_concurrency: int = Field(default=4, ge=1, description="Chat jobs run at once by a worker.")
    ingest_concurrency: int = Field(
        default=4 * CORES, ge=1, description="Documents ingested at once by a worker."
    )
    pages_concurrency: int = Field(
        default=CORES, ge=1, description="Page batches of large documents read at once by a worker."
    )
    default_concurrency: int = Field(
        default=2, ge=1, description="Other jobs run at once by a worker."
    )
    tenants_at_once: int = Field(
        default=8,
        ge=1,
        le=1000,
        description="Tenants whose work a worker runs side by side, each with its own share of "
        "the places above.",
    )
    poll_seconds: float = Field(
        default=0.1, gt=0, description="Time between two looks at a queue that holds work."
    )
    idle_poll_seconds: float = Field(
        default=1.0, gt=0, description="Time between two looks at a queue that was empty."
    )
    chat_poll_seconds: float = Field(
        default=0.05,
        gt=0,
        description="Time between two looks at the queue of questions while some are asked.",
    )
    ingest_seconds: float = Field(
        default=3600, gt=0, description="Time limit of one attempt to ingest a document."
    )
    chat_seconds: float = Field(
        default=300, gt=0, description="Time limit of one attempt to answer a question."
    )
    job_seconds: float = Field(
        default=600, gt=0, description="Time limit of one attempt at any other job."
    )
    cancel_look_seconds: float = Field(
        default=0.5,
        gt=0,
        le=4,
        description="Time between two looks for jobs that were cancelled while they run.",
    )
    grace_seconds: float = Field(
        default=10, ge=0, description="Time that running steps are given to end at a stop."
    )
    max_idle_starts: int = Field(
        default=10,
        ge=1,
        description="Times an attempt may start without any progress before it fails as poison.",
    )
    heartbeat_seconds: float = Field(
        default=1.0, gt=0, description="Time between two heartbeats of a worker."
    )
    dead_after_seconds: float = Field(
        default=5.0, gt=0, description="Silence after which a worker counts as dead."
    )
