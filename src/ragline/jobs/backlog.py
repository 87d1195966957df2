"""The most jobs that may be open at once."""

from __future__ import annotations

import time

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.errors import Overloaded
from ragline.models import Job

# Counting takes milliseconds where much is queued, so a count is good for a second.
COUNT_SECONDS = 1.0
RETRY_SECONDS = 30.0
_OPEN = sa.select(sa.func.count()).select_from(Job).where(Job.outcome.is_(None))


def refuse_overload(runtime: Runtime, session: Session, more: int = 1) -> None:
    """Raise `Overloaded` where so many more jobs would be more than `RAGLINE_MAX_BACKLOG`."""
    counted, at = runtime.kept.get("backlog", (0, 0.0))
    if time.monotonic() - at > COUNT_SECONDS:
        counted, at = session.scalar(_OPEN) or 0, time.monotonic()
    most = runtime.settings.max_backlog
    taken = counted + more <= most
    runtime.kept["backlog"] = (counted + more if taken else counted, at)
    if not taken:
        raise Overloaded(
            f"{most} jobs are waiting already, as many as this server takes; send it again later.",
            retry_after=RETRY_SECONDS,
        )
