"""Messages as clients see them: the row, and its job's present state."""

from __future__ import annotations

from typing import Any, Literal, cast

from ragline.conversations.schemas import MessageView
from ragline.jobs.schemas import JobView
from ragline.models import Message


def shown(message: Message, job: JobView | None) -> MessageView:
    """Return a message with the state of its job; None where it has none, or none any more."""
    return MessageView(
        message_id=message.id,
        session_id=message.session_id,
        number=message.number,
        role=cast("Literal['user', 'assistant']", message.role),
        content=message.content,
        citations=cast("list[Any]", message.citations),
        usage=cast("Any", message.usage),
        generation_time_ms=message.generation_ms,
        job_id=message.job_id,
        **(_of_job(job) if job else _without_job(message)),
    )


def _of_job(job: JobView) -> dict[str, Any]:
    latest = job.attempts[-1]
    return {
        "status": job.status,
        "waiting_for": job.waiting_for,
        "queue_position": job.queue_position,
        "eta_seconds": job.eta_seconds,
        "queued_at": job.created_at,
        "processing_started_at": latest.started_at,
        "processing_completed_at": job.finished_at,
        "error": job.error,
        "retry_count": len(job.attempts) - 1,
    }


def _without_job(message: Message) -> dict[str, Any]:
    """Return the state of what a user said, or of an answer whose job was cleaned up."""
    return {
        # Failed jobs are kept; of the others only cancelled ones have no answer.
        "status": "cancelled" if message.content is None else "completed",
        "waiting_for": None,
        "queue_position": None,
        "eta_seconds": None,
        "queued_at": message.created_at,
        "processing_started_at": None,
        "processing_completed_at": None,
        "error": None,
        "retry_count": 0,
    }
