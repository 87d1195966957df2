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


def refuse_overload(runtime: Runtime, session: Session) -> None:
    """Raise `Overloaded` where more jobs are open than `RAGLINE_MAX_BACKLOG`."""
    if _open_jobs(runtime, session) >= runtime.settings.max_backlog:
        raise Overloaded(
            f"{runtime.settings.max_backlog} jobs are waiting already, as many as this server "
            "takes; send it again later.",
            retry_after=RETRY_SECONDS,
        )


def _open_jobs(runtime: Runtime, session: Session) -> int:
    counted, at = runtime.kept.get("backlog", (0, 0.0))
    if time.monotonic() - at > COUNT_SECONDS:
        counted = session.scalar(_OPEN) or 0
        at = time.monotonic()
    runtime.kept["backlog"] = (counted + 1, at)
    return int(counted)
