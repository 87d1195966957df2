"""What a job paid for: kept under the hash of its exact inputs before anything uses it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.chat.schemas import UsageView
from ragline.database import LOCKED, insert_missing
from ragline.models import Job, PaidAnswer, now


def key_of(*exact: Any) -> str:
    """Return the hash of all that decides a result, the job first."""
    return hashlib.sha256(json.dumps(exact, ensure_ascii=False).encode()).hexdigest()


def kept(runtime: Runtime, key: str) -> dict[str, Any] | None:
    """Return what is kept under a key."""
    with runtime.database.read() as session:
        row = session.get(PaidAnswer, key)
        return None if row is None else row.answer


def in_session(session: Session, key: str) -> dict[str, Any]:
    """Return what is kept under a key that is known to be there."""
    return session.get_one(PaidAnswer, key).answer


def keep(runtime: Runtime, job_id: str, key: str, result: dict[str, Any]) -> None:
    """Keep a result with its `usage`, and count that into the job; a second call does nothing."""
    row = {"key": key, "job_id": job_id, "answer": result, "created_at": now()}
    with runtime.database.write() as session:
        job = session.get_one(Job, job_id, with_for_update=LOCKED)
        insert_missing(session, PaidAnswer, [row])
        count(session, job)


def count(session: Session, job: Job) -> UsageView:
    """Set a job's tokens and cost to those of all that is kept for it; return the sum."""
    sums = UsageView(model="", prompt_tokens=0, completion_tokens=0)
    for answer in session.scalars(_ALL, {"of_job": job.id}):
        add(sums, UsageView(**answer["usage"]))
    job.tokens = sums.prompt_tokens + sums.completion_tokens
    job.cost = sums.cost
    return sums


def add(sums: UsageView, more: UsageView) -> None:
    """Add tokens and cost of another call."""
    sums.prompt_tokens += more.prompt_tokens
    sums.completion_tokens += more.completion_tokens
    sums.cost += more.cost


def forget(session: Session, job: Job) -> None:
    """Remove what is kept for a job that shows it from now on."""
    session.execute(sa.delete(PaidAnswer).where(PaidAnswer.job_id == job.id))


_ALL = sa.select(PaidAnswer.answer).where(PaidAnswer.job_id == sa.bindparam("of_job"))
