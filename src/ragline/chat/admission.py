"""The most questions in progress at once: jobs of all processes, and callers of this one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.errors import Overloaded
from ragline.models import Job

CHAT = "chat"
"""The kind of a job that answers a question."""
MESSAGE = "message"
"""The kind of a job that answers a message of a session."""
RETRY_SECONDS = 5.0
_OPEN = (
    sa.select(sa.func.count())
    .select_from(Job)
    .where(Job.kind.in_((CHAT, MESSAGE)), Job.outcome.is_(None))
)


@contextmanager
def counted(runtime: Runtime) -> Iterator[None]:
    """Count a question while its caller waits for the answer."""
    waiting, question = _waiting(runtime), object()
    waiting.add(question)
    try:
        yield
    finally:
        waiting.discard(question)


def refuse_crowd(runtime: Runtime) -> None:
    """Raise `Overloaded` where a question that is counted is one too many."""
    with runtime.database.read() as session:
        _refuse(runtime, len(_waiting(runtime)) + _open_jobs(session))


def refuse_job(session: Session, runtime: Runtime) -> None:
    """Raise `Overloaded` where one more job would be too many; no other can pass meanwhile."""
    runtime.database.lock(session, "questions")
    _refuse(runtime, 1 + len(_waiting(runtime)) + _open_jobs(session))


def _refuse(runtime: Runtime, count: int) -> None:
    most = runtime.settings.max_active_sessions
    if count > most:
        raise Overloaded(
            f"{most} questions are being answered already, as many as this server takes at "
            "once; ask again shortly.",
            retry_after=RETRY_SECONDS,
        )


def _waiting(runtime: Runtime) -> set[object]:
    waiting: set[object] = runtime.kept.setdefault("questions", set())
    return waiting


def _open_jobs(session: Session) -> int:
    return session.scalar(_OPEN) or 0
