"""What a job paid for: each call once, whatever is tried again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.database import LOCKED, insert_missing
from ragline.models import Job, PaidCall, now


def paid_call(
    id: str,
    *,
    job_id: str,
    purpose: str,
    provider: str,
    model: str,
    cost: float,
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    about: str | None = None,
) -> dict[str, Any]:
    """Return a call as `note_paid` takes it; its id is made before the call is noted."""
    return {
        "id": id,
        "job_id": job_id,
        "purpose": purpose,
        "about": about,
        "provider": provider[:100],
        "model": model[:200],
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "cost": cost,
        "created_at": now(),
    }


def note_paid(session: Session, job_id: str, calls: Iterable[dict[str, Any]]) -> None:
    """Keep calls in the transaction that keeps their results; the job's cost is the sum of all.

    A second run changes nothing. The job may have ended or been cancelled meanwhile: what was
    paid was paid.
    """
    rows = list(calls)
    if not rows:
        return
    job = session.get_one(Job, job_id, with_for_update=LOCKED, populate_existing=True)
    insert_missing(session, PaidCall, rows)
    tokens, cost = session.execute(_SUMS, {"of_job": job_id}).one()
    job.tokens, job.cost = int(tokens), float(cost)


def paid_by_subject(session: Session, job_id: str) -> dict[str, float]:
    """Return the USD that a job paid for each thing its calls were about."""
    found = session.execute(_BY_SUBJECT, {"of_job": job_id})
    return {key: cost for key, cost in found if key is not None}


_mine = PaidCall.job_id == sa.bindparam("of_job")
_SUMS = sa.select(
    sa.func.coalesce(sa.func.sum(PaidCall.prompt_tokens + PaidCall.completion_tokens), 0),
    sa.func.coalesce(sa.func.sum(PaidCall.cost), 0.0),
).where(_mine)
_BY_SUBJECT = (
    sa.select(PaidCall.about, sa.func.sum(PaidCall.cost))
    .where(_mine, PaidCall.about.is_not(None))
    .group_by(PaidCall.about)
)
