"""What subscribers are told of responses of OpenAI's interface, in that interface's own form.

A response in the background is a job. A subscription that names `response.*` events is told of
its end as these, once, instead of as the job's; so receivers written for OpenAI's work here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

ResponseEvent = Literal[
    "response.completed", "response.incomplete", "response.failed", "response.cancelled"
]
_ENDS: Mapping[str, ResponseEvent] = {
    "job.completed": "response.completed",
    "job.failed": "response.failed",
    "job.cancelled": "response.cancelled",
}


def response_event(type: str, *, truncated: bool) -> ResponseEvent | None:
    """Return what the event of a response's job means for the response, if it is an end."""
    if type == "job.completed" and truncated:
        return "response.incomplete"
    return _ENDS.get(type)


def response_message(type: str, at: datetime, response_id: str, message_id: str) -> str:
    """Return a body in OpenAI's form, plain ASCII: `{id, object, type, created_at, data}`."""
    content = {
        "id": "evt_" + message_id.removeprefix("msg_"),
        "object": "event",
        "type": type,
        "created_at": int(at.timestamp()),
        "data": {"id": f"resp_{response_id}"},
    }
    return json.dumps(content, separators=(",", ":"))
