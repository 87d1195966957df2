"""The states of a job and its legal moves.

                    not_before                                        retry
        accept ┌───▶ pending ───┐                ┌────────────────────────────────────┐
      (none) ──┤                ▼    begin       ▼          complete                  │
               └─────────────▶ queued ─────▶ processing ──┬──────────▶ completed      │
                                ▲ │               │       │  fail                     │
                                │ │ cancel        │       ├──────────▶ failed ────────┤
                                │ └───────────────┼───────┼──────────▶ cancelled ─────┘
                                └── worker died ──┘       │  cancel, undo   ▲
                                                          └─────────────────┘

`pending`, `queued` and `processing` are the engine's row of the current attempt; `completed`,
`failed` and `cancelled` are `Job.outcome`, written once an attempt together with its terminal
event. A retry begins a new attempt of the same job in its queue; an ended attempt never changes.
"""

from __future__ import annotations

from typing import Literal

from ragline.engine.rows import STATUS_WORDS
from ragline.models import Job, now

Status = Literal["pending", "queued", "processing", "completed", "failed", "cancelled"]
Kind = Literal[
    "ingest", "import", "image", "chat", "message", "note", "reembed", "delete", "maintenance"
]
ENDED: tuple[Status, ...] = ("completed", "failed", "cancelled")
RETRIED: tuple[Status, ...] = ("failed", "cancelled")
IRREVOCABLE = ("delete",)
"""Kinds that go on to their end: what they removed so far cannot be put back."""


def status_of(job: Job, engine_status: str | None) -> Status:
    """Return the one status of a job: its outcome, else the engine's word."""
    if job.outcome is not None:
        return _STATUS[job.outcome]
    if job.workflow_id is None:
        return "processing" if job.started_at else "pending" if is_delayed(job) else "queued"
    word = STATUS_WORDS.get(engine_status or "", "queued")
    # The engine ended and the outcome follows at once, with its terminal event.
    return _STATUS[word] if word in ("pending", "queued") else "processing"


def is_delayed(job: Job) -> bool:
    """Tell whether a job's time has not come."""
    return job.not_before is not None and job.not_before > now()


_STATUS: dict[str, Status] = {
    status: status for status in ("pending", "queued", "processing", *ENDED)
}
