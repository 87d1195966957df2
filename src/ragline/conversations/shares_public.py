"""What a share's token opens: its agent, and the conversations that were begun through it.

Nobody's token is remembered: each request looks it up, so that a share that was revoked, or has
expired, is closed everywhere with the next one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import sqlalchemy as sa

from ragline.accounts.schemas import Made
from ragline.accounts.service import Caller, Role
from ragline.bootstrap import Runtime
from ragline.conversations import service
from ragline.conversations.schemas import MessageRequest, MessageView, SessionRequest
from ragline.conversations.shares import digest_of
from ragline.conversations.shares_limits import (
    admit_answer,
    admit_session,
    is_in_force,
    no_such_share,
    refuse_early,
    spent,
)
from ragline.conversations.shares_schemas import (
    LimitsLeft,
    SharedAgent,
    SharedCitation,
    SharedMessage,
    SharedProblem,
    SharedQuestion,
    SharedSession,
)
from ragline.errors import Conflict
from ragline.http.idempotency import Once, once
from ragline.jobs.schemas import Problem
from ragline.models import Agent, Share

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Opened:
    """A share that is in force, as one request finds it."""

    share_id: str
    tenant_id: str
    agent_id: str

    @property
    def caller(self) -> Caller:
        """Who asks: nobody with a key, and only about this share."""
        return Caller(self.tenant_id, "", Role.READER)

    def once(self, key: str | None, *asked: object) -> Once:
        """Return a request under a visitor's key, apart from the keys of all others."""
        digest = key and hashlib.sha256(key.encode()).hexdigest()
        own = f"share:{self.share_id}:{digest}" if digest else None
        return Once(self.tenant_id, own, ("share", self.share_id, *asked))


def open_share(runtime: Runtime, token: str) -> Opened:
    """Return what a token opens, or raise `NotFound`: unknown, expired or revoked."""
    if not _TOKEN.fullmatch(token):
        raise no_such_share()
    with runtime.database.read() as session:
        share = session.scalar(_BY_DIGEST, {"digest": digest_of(token)})
    if share is None or not is_in_force(share):
        raise no_such_share()
    return Opened(share.id, share.tenant_id, share.agent_id)


def shared_agent(runtime: Runtime, opened: Opened) -> SharedAgent:
    """Return who answers, and what is left of the share."""
    with runtime.database.read() as session:
        agent = session.get(Agent, opened.agent_id)
        share = session.get(Share, opened.share_id)
        if agent is None or share is None:
            raise no_such_share()
        use = spent(session, share)
    return SharedAgent(
        name=agent.name,
        description=agent.description,
        language=agent.language,
        limits=LimitsLeft(
            messages=_left(share.most_messages, share.messages),
            tokens=_left(share.most_tokens, use.tokens + use.reserved),
            per_minute=share.per_minute,
            expires_at=share.expires_at,
        ),
    )


def begin_session(runtime: Runtime, opened: Opened, *, key: str | None = None) -> SharedSession:
    """Begin a conversation with the share's agent.

    Raises `NotFound`, `TooFast` and `UsedUp` where the share does not give one.
    """

    def make() -> SharedSession:
        with runtime.database.write() as session:
            request = SessionRequest(agent_id=opened.agent_id)
            made = service.create_session(runtime, opened.caller, request, share_id=opened.share_id)
            admit_session(session, opened.share_id)
            return SharedSession(id=made.id, created_at=made.created_at)

    return once(runtime.database, opened.once(key, "session"), SharedSession, make)


def ask(
    runtime: Runtime,
    opened: Opened,
    session_id: str,
    question: SharedQuestion,
    *,
    key: str | None = None,
) -> SharedMessage:
    """Ask the agent; the answer's message, still empty, is returned.

    Raises what `send_message` does, and `TooFast` and `UsedUp`.
    """

    def make() -> SharedMessage:
        with runtime.database.write() as session:
            share = session.get(Share, opened.share_id)
            if share is None:
                raise no_such_share()
            refuse_early(session, share)
            request = MessageRequest(
                content=question.content, stream=True, tags=[f"share:{opened.share_id}"]
            )
            message = service.send_message(
                runtime, opened.caller, session_id, request, share_id=opened.share_id
            )
            admit_answer(session, opened.share_id, _job_of(message))
            return shared_message(message)

    asked = opened.once(key, "message", session_id, question.content)
    return once(runtime.database, asked, SharedMessage, make)


def find_message(runtime: Runtime, opened: Opened, message_id: str) -> MessageView:
    """Return a message of this share with its place in the queue, or raise `NotFound`."""
    return service.get_message(runtime, opened.caller, message_id, share_id=opened.share_id)


def list_messages(
    runtime: Runtime, opened: Opened, session_id: str, *, limit: int, after: str | None = None
) -> tuple[list[SharedMessage], bool]:
    """Return a conversation's messages in their order, and whether there are more."""
    found, more = service.list_messages(
        runtime, opened.caller, session_id, limit=limit, after=after, share_id=opened.share_id
    )
    return [shared_message(each) for each in found], more


def retry(
    runtime: Runtime, opened: Opened, message_id: str, *, key: str | None = None
) -> SharedMessage:
    """Try again to answer a message that failed, or that its visitor had cancelled.

    The latter counts as another message. Raises `Conflict` where it has not, and what `ask` does.
    """

    def make() -> Made:
        message = find_message(runtime, opened, message_id)
        with runtime.database.write() as session:
            service.retry_message(runtime, opened.caller, message_id)
            counts = message.status != "failed"
            admit_answer(session, opened.share_id, _job_of(message), counts=counts)
            return Made(id=message_id)

    once(runtime.database, opened.once(key, "retry", message_id), Made, make)
    return shared_message(find_message(runtime, opened, message_id))


def cancel(runtime: Runtime, opened: Opened, message_id: str) -> SharedMessage:
    """Stop the answering of a message; `Conflict` where it was answered or has failed."""
    find_message(runtime, opened, message_id)
    return shared_message(service.cancel_message(runtime, opened.caller, message_id))


def shared_message(message: MessageView) -> SharedMessage:
    """Return of a message what visitors may see."""
    citations = message.citations
    return SharedMessage(
        message_id=message.message_id,
        session_id=message.session_id,
        number=message.number,
        role=message.role,
        status=message.status,
        queue_position=message.queue_position,
        eta_seconds=message.eta_seconds,
        created_at=message.queued_at,
        content=message.content,
        citations=None
        if citations is None
        else [SharedCitation(title=c.title, page=c.page, quote=c.quote) for c in citations],
        error=_told(message.error) if message.error else None,
    )


def job_of(message: MessageView) -> str:
    """Return the job that answers; `Conflict` for what the visitor said."""
    if message.job_id is None:
        raise Conflict("This message was said by the visitor; only answers have events.")
    return message.job_id


def _job_of(message: MessageView) -> str:
    assert message.job_id is not None, "an answer has a job"
    return message.job_id


def _told(error: Problem) -> SharedProblem:
    """Return an error without its words, which may name servers and models."""
    detail = (
        "The model could not be reached or did not answer; try again in a moment."
        if error.type.startswith("/problems/provider-")
        else "The answer could not be written; try again."
    )
    return SharedProblem(
        type=error.type, title=error.title, detail=detail, retryable=error.retryable
    )


def _left(most: int | None, used: int) -> int | None:
    return None if most is None else max(0, most - used)


_BY_DIGEST = (
    sa.select(Share)
    .join(Agent, Agent.id == Share.agent_id)
    .where(Share.digest == sa.bindparam("digest"), Agent.deleted_at.is_(None))
)
