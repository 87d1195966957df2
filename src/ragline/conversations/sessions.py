"""Sessions: begun, found, and deleted with their messages."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.chat.erasing import erase_words
from ragline.chat.sessions import owned_session
from ragline.conversations.paging import newer_first
from ragline.conversations.schemas import Removed, SessionRequest, SessionView
from ragline.database import LOCKED
from ragline.errors import NotFound
from ragline.http.idempotency import Once, once
from ragline.jobs import control
from ragline.models import Agent, ChatSession, Job, Message, now


def create_session(
    runtime: Runtime,
    caller: Caller,
    request: SessionRequest,
    *,
    key: str | None = None,
    share_id: str | None = None,
) -> SessionView:
    """Begin a conversation with an agent of the tenant; once for an idempotency `key`.

    `share_id` is kept with it where it is begun through a share. Raises `NotFound` for an
    agent that the tenant does not have.
    """
    asked = Once(caller.tenant_id, key, ("session", share_id, request.model_dump(mode="json")))

    def make() -> SessionView:
        with runtime.database.write() as session:
            known = {"agent_id": request.agent_id, "tenant_id": caller.tenant_id}
            # Held against its deletion, which removes the sessions that are there.
            if session.scalar(_AGENT, known) is None:
                raise NotFound(f"There is no agent with the id {request.agent_id!r}.")
            chat = ChatSession(
                tenant_id=caller.tenant_id,
                agent_id=request.agent_id,
                share_id=share_id,
                title=request.title,
                metadata_=request.metadata,
            )
            session.add(chat)
            session.flush()
            return session_view(chat)

    return once(runtime.database, asked, SessionView, make)


def get_session(
    runtime: Runtime, caller: Caller, session_id: str, *, share_id: str | None = None
) -> SessionView:
    """Return a session of the tenant, or raise `NotFound`; with `share_id` only one of that."""
    with runtime.database.read() as session:
        chat, _ = owned_session(session, caller.tenant_id, session_id, share_id=share_id)
        return session_view(chat)


def list_sessions(
    runtime: Runtime,
    caller: Caller,
    *,
    agent_id: str | None = None,
    limit: int,
    after: str | None = None,
) -> tuple[list[SessionView], bool]:
    """Return sessions, newest first, those of one agent or all, and whether there are more."""
    query = (
        sa.select(ChatSession)
        .join(Agent, Agent.id == ChatSession.agent_id)
        .where(
            ChatSession.tenant_id == caller.tenant_id,
            ChatSession.deleted_at.is_(None),
            Agent.deleted_at.is_(None),
        )
    )
    if agent_id is not None:
        query = query.where(ChatSession.agent_id == agent_id)
    with runtime.database.read() as session:
        last = owned_session(session, caller.tenant_id, after)[0] if after is not None else None
        found, more = newer_first(session, ChatSession, query, last, limit)
        return [session_view(chat) for chat in found], more


def delete_session(runtime: Runtime, caller: Caller, session_id: str) -> Removed:
    """Remove a session with its messages; answers under way are cancelled first."""
    with runtime.database.read() as session:
        owned_session(session, caller.tenant_id, session_id)
    return remove_session(runtime, caller.tenant_id, session_id)


def remove_session(runtime: Runtime, tenant_id: str, session_id: str) -> Removed:
    """Remove a session in one transaction; what its jobs keep of the words goes too.

    So do kept answers to its questions, unless somebody else asked the very same.
    """
    receipt, answers = Removed(), set[str]()
    with runtime.database.write() as session:
        chat = session.get(ChatSession, session_id, with_for_update=LOCKED)
        if chat is None:
            return receipt
        chat.deleted_at = now()
        for job in _jobs(session, session_id):
            if job.outcome is None:
                control.cancel(runtime, tenant_id, job.id)
                receipt.cancelled += 1
            answers.update(erase_words(session, job))
        gone = session.execute(sa.delete(Message).where(Message.session_id == session_id))
        receipt.messages = int(gone.rowcount)  # type: ignore[attr-defined]  # a DELETE has one
        session.execute(sa.delete(ChatSession).where(ChatSession.id == session_id))
        receipt.sessions = 1
    runtime.answer_cache.remove(sorted(answers))
    return receipt


def session_view(chat: ChatSession) -> SessionView:
    """Return a session as clients see it."""
    return SessionView(
        id=chat.id,
        agent_id=chat.agent_id,
        title=chat.title,
        metadata=chat.metadata_,
        messages=chat.last_message,
        created_at=chat.created_at,
    )


def _jobs(session: Session, session_id: str) -> list[Job]:
    """Return the jobs of a session's messages, the last first, so that none is let go."""
    query = (
        sa.select(Job)
        .join(Message, Message.job_id == Job.id)
        .where(Message.session_id == session_id)
        .order_by(Message.number.desc())
    )
    return list(session.scalars(query))


_AGENT = (
    sa.select(Agent.id)
    .where(
        Agent.id == sa.bindparam("agent_id"),
        Agent.tenant_id == sa.bindparam("tenant_id"),
        Agent.deleted_at.is_(None),
    )
    .with_for_update(read=True, key_share=True)
)
