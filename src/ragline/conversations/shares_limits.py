"""Limits of shares, kept by rows, so that they hold over all processes.

A use is admitted under the lock on its share's row, which is taken last: whoever ends a job
holds that job's row and never asks for a share's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.chat.question import Question
from ragline.database import LOCKED
from ragline.errors import NotFound, Overloaded, RaglineError
from ragline.models import Job, Share, ShareUse, now

MINUTE = timedelta(minutes=1)
SESSIONS_PER_MINUTE = 600
"""Conversations that may be begun in a minute where the share has no limit of its own."""
CHARACTERS_OF_TOKEN = 3
PASSAGE_TOKENS = 300
ANSWER_TOKENS = 1000
"""What an answer is taken to need where its agent has no limit."""


class TooFast(Overloaded):
    """The share was used as often in the last minute as it may be."""

    status = 429
    slug = "rate-limited"
    title = "Too many requests"


class UsedUp(RaglineError):
    """The share gives no more answers, or none until those under way have ended."""

    status = 429
    slug = "share-used-up"
    title = "Share used up"


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens of answers that have ended, and those held for answers under way."""

    tokens: int
    reserved: int


def no_such_share() -> NotFound:
    """Return the one answer to unknown, expired and revoked tokens."""
    return NotFound("There is nothing here: the link is unknown, has expired or was revoked.")


def is_in_force(share: Share) -> bool:
    """Tell whether a share opens its agent at this moment."""
    return share.revoked_at is None and (share.expires_at is None or share.expires_at > now())


def refuse_early(session: Session, share: Share) -> None:
    """Refuse what the limits refuse before any work is done for it, without the share's lock.

    Raises `TooFast` and `UsedUp`.
    """
    _refuse(share, spent(session, share), messages=1)
    if share.per_minute is not None:
        _refuse_haste(session, share, share.per_minute, jobs=True)


def admit_session(session: Session, share_id: str) -> None:
    """Count a conversation to be begun.

    Raises:
        NotFound: the share has ended meanwhile.
        TooFast: too many were begun in the last minute.
        UsedUp: nobody could ask anything in it.
    """
    share = _locked(session, share_id)
    _refuse(share, _settle(session, share), messages=1)
    _refuse_haste(session, share, share.per_minute or SESSIONS_PER_MINUTE, jobs=False)
    session.add(ShareUse(share_id=share_id, open=False))


def admit_answer(session: Session, share_id: str, job_id: str, *, counts: bool = True) -> None:
    """Count a message whose job was accepted, or is tried again, in this transaction.

    A refusal drops that transaction, job included. With `counts` it is one of the messages that
    the share gives: all are but answers tried again because they failed, which nobody can bring
    about. Raises as `admit_session`.
    """
    share = _locked(session, share_id)
    job = session.get_one(Job, job_id)
    use = _settle(session, share, again=job_id, was_stopped=counts)
    _refuse(share, use, messages=1 if counts else 0)
    if share.per_minute is not None:
        _refuse_haste(session, share, share.per_minute, jobs=True)
    share.messages += 1 if counts else 0
    session.add(
        ShareUse(
            share_id=share_id,
            job_id=job_id,
            open=True,
            reserved=reservation(job),
            tokens_before=job.tokens,
        )
    )


def spent(session: Session, share: Share) -> Spent:
    """Return what a share has used, answers included that nobody has counted yet."""
    tokens, reserved = share.tokens, 0
    for use, job in _open_uses(session, share.id):
        if _has_ended(job):
            tokens += _taken(use, job, was_stopped=_was_stopped(job))
        else:
            reserved += use.reserved
    return Spent(tokens, reserved)


def reservation(job: Job) -> int:
    """Return about how many tokens the answer to a question will take."""
    question = Question.of(job.inputs or {})
    words = len(question.text) + len(question.instructions)
    return (
        words // CHARACTERS_OF_TOKEN
        + question.history_tokens
        + question.limit * PASSAGE_TOKENS
        + (question.most_tokens or ANSWER_TOKENS)
    )


def _locked(session: Session, share_id: str) -> Share:
    share = session.get(Share, share_id, with_for_update=LOCKED, populate_existing=True)
    if share is None or not is_in_force(share):
        raise no_such_share()
    return share


def _settle(
    session: Session, share: Share, *, again: str | None = None, was_stopped: bool = False
) -> Spent:
    """Count the answers that have ended, and what a job has taken that is tried `again`."""
    reserved = 0
    for use, job in _open_uses(session, share.id):
        if use.job_id == again or _has_ended(job):
            stopped = was_stopped if use.job_id == again else _was_stopped(job)
            share.tokens += _taken(use, job, was_stopped=stopped)
            use.open = False
        else:
            reserved += use.reserved
    session.flush()
    old = {"of_share": share.id, "before": now() - MINUTE}
    session.execute(_FORGET, old)
    return Spent(share.tokens, reserved)


def _has_ended(job: Job | None) -> bool:
    return job is None or job.outcome is not None


def _was_stopped(job: Job | None) -> bool:
    return job is None or (job.outcome == "cancelled" and job.started_at is not None)


def _taken(use: ShareUse, job: Job | None, *, was_stopped: bool) -> int:
    """Return what an answer took; of one that was stopped or is gone nobody knows it."""
    counted = job.tokens - use.tokens_before if job is not None else 0
    return max(counted, use.reserved) if was_stopped else counted


def _refuse(share: Share, use: Spent, *, messages: int) -> None:
    if share.most_messages is not None and share.messages + messages > share.most_messages:
        raise UsedUp("All messages that this link gives have been used.")
    if share.most_tokens is None or use.tokens + use.reserved < share.most_tokens:
        return
    if use.tokens < share.most_tokens:
        raise TooFast(
            "Answers under way may take what is left for this link; ask again once they are there.",
            retry_after=5.0,
        )
    raise UsedUp("All that this link gives has been used.")


def _refuse_haste(session: Session, share: Share, most: int, *, jobs: bool) -> None:
    moment = now()
    since = {"of_share": share.id, "since": moment - MINUTE}
    kind = ShareUse.job_id.is_not(None) if jobs else ShareUse.job_id.is_(None)
    # The use before as many as are allowed: once it is a minute old, there is room.
    query = _RECENT.where(kind).offset(most - 1).limit(1)
    first = session.scalar(query, since)
    if first is not None:
        raise TooFast(
            f"This link is used {most} times a minute at most; wait a moment.",
            retry_after=max(1.0, (first + MINUTE - moment).total_seconds()),
        )


def _open_uses(session: Session, share_id: str) -> Sequence[tuple[ShareUse, Job | None]]:
    rows = session.execute(_OPEN, {"of_share": share_id}).all()
    return [(use, job) for use, job in rows]


_OPEN = (
    sa.select(ShareUse, Job)
    .outerjoin(Job, Job.id == ShareUse.job_id)
    .where(ShareUse.share_id == sa.bindparam("of_share"), ShareUse.open)
    .execution_options(populate_existing=True)
)
_RECENT = (
    sa.select(ShareUse.created_at)
    .where(
        ShareUse.share_id == sa.bindparam("of_share"),
        ShareUse.created_at > sa.bindparam("since"),
    )
    .order_by(ShareUse.created_at.desc())
)
_FORGET = (
    sa.delete(ShareUse)
    .where(
        ShareUse.share_id == sa.bindparam("of_share"),
        ShareUse.created_at <= sa.bindparam("before"),
        ~ShareUse.open,
    )
    .execution_options(synchronize_session=False)
)
