"""What a subscriber is told of an event: made once, the same on each try."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from ragline.models import new_id

EventType = Literal[
    "job.queued",
    "job.started",
    "job.progress",
    "page.done",
    "job.retrying",
    "job.recovered",
    "job.completed",
    "job.failed",
    "job.cancelled",
    "answer.retrieval",
    "answer.delta",
    "answer.restart",
    "answer.citations",
    "answer.usage",
]
ANSWER = "answer."
"""How types begin that are sent only to those who name them: pieces of answers."""
ALL = "*"
DEFAULT_EVENTS: tuple[EventType, ...] = ("job.completed", "job.failed", "job.cancelled")
TEST = "webhook.test"

# A body tells of the moment of its event, when the job may have gone on since.
STATUS: Mapping[str, str] = {
    "job.queued": "queued",
    "job.started": "processing",
    "job.progress": "processing",
    "page.done": "processing",
    "job.retrying": "queued",
    "job.recovered": "queued",
    "job.completed": "completed",
    "job.failed": "failed",
    "job.cancelled": "cancelled",
}


def new_message_id() -> str:
    """Return a fresh id, by which a receiver knows a message it has seen."""
    return "msg_" + new_id().replace("-", "")


def message(type: str, at: datetime, data: Mapping[str, Any]) -> str:
    """Return a body, plain ASCII: `{type, timestamp, data}`."""
    timestamp = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    content = {"type": type, "timestamp": timestamp, "data": data}
    return json.dumps(content, separators=(",", ":"))


def job_data(
    type: str, number: int, details: Mapping[str, Any], job: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is told of a job; `job` gives its `job_id`, `kind` and where it belongs."""
    rest = dict(details)
    error = rest.pop("error", None)
    data = {**job, "status": STATUS.get(type, "processing"), "number": number, "details": rest}
    return data if error is None else {**data, "error": error}
