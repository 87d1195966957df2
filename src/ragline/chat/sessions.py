"""The next turn of a session: what its user says, the answer to come, and the job that gives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.chat.question import Question
from ragline.database import LOCKED
from ragline.errors import Conflict, NotFound
from ragline.jobs.following import follow
from ragline.jobs.wishes import Wishes
from ragline.models import Agent, ChatSession, Job, Message, new_id

MOST_OPEN = 5
"""Messages of a session that may be unanswered at once."""


def owned_session(
    session: Session,
    tenant_id: str,
    session_id: str,
    *,
    share_id: str | None = None,
    lock: bool = False,
) -> tuple[ChatSession, Agent]:
    """Return a session of the tenant with its agent, or raise `NotFound`.

    With `share_id` only a session that was begun through that share is found.
    """
    query = _OWNED.with_for_update(key_share=True, of=ChatSession) if lock else _OWNED
    values = {"session_id": session_id, "tenant_id": tenant_id}
    row = session.execute(query, values).first()
    if row is None or (share_id is not None and row[0].share_id != share_id):
        raise NotFound(f"There is no session with the id {session_id!r}.")
    return row[0], row[1]


def question_of(agent: Agent, text: str) -> Question:
    """Return what an agent is asked, in its own way of answering."""
    retrieval = {k: v for k, v in agent.retrieval.items() if v is not None}
    return Question(
        text,
        tuple(agent.projects),
        model=agent.model,
        instructions=agent.instructions,
        language=agent.language,
        agent_id=agent.id,
        **retrieval,
        **agent.answering,
    )


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that was begun: both messages, and the question for the job of the second."""

    asked: Message
    answer: Message
    question: Question


def begin_turn(
    session: Session,
    owner: tuple[str, str],
    make: Callable[[Agent], Question],
    *,
    share_id: str | None = None,
) -> tuple[Turn, Job | None]:
    """Write the two messages of a session's next turn; the job is to be accepted with them.

    `owner` is the tenant and the session. Returns the open job that the new one has to follow,
    locked, too: answers of a session come in the order of its messages.

    Raises:
        NotFound: there is no such session.
        Conflict: too many of its messages are not answered yet.
    """
    tenant_id, session_id = owner
    chat, agent = owned_session(session, tenant_id, session_id, share_id=share_id, lock=True)
    unanswered = _unanswered(session, chat.id)
    if len(unanswered) >= MOST_OPEN:
        raise Conflict(
            f"{MOST_OPEN} messages of this session are not answered yet; wait for one of them."
        )
    question = make(agent)
    asked, answer = (
        Message(id=new_id(), tenant_id=tenant_id, session_id=chat.id, number=number, role=role)
        for number, role in ((chat.last_message + 1, "user"), (chat.last_message + 2, "assistant"))
    )
    asked.content, answer.job_id = question.text, new_id()
    chat.last_message += 2
    session.add_all([asked, answer])
    session.flush()
    question = replace(question, session_id=chat.id, message_id=answer.id)
    return Turn(asked, answer, question), unanswered[-1] if unanswered else None


def put_behind(job: Job, wishes: Wishes, before: Job | None) -> Wishes:
    """Let a message's job follow the one before it; return its wishes, tags included."""
    if before is not None:
        follow(job, before.id)
    inputs = job.inputs or {}
    own = (f"agent:{inputs['agent_id']}", f"session:{inputs['session_id']}")
    return replace(wishes, tags=(*own, *wishes.tags))


def _unanswered(session: Session, session_id: str) -> list[Job]:
    """Return the open jobs of a session's messages, in their order, locked against their end."""
    return list(session.scalars(_UNANSWERED, {"session_id": session_id}))


_OWNED = (
    sa.select(ChatSession, Agent)
    .join(Agent, Agent.id == ChatSession.agent_id)
    .where(
        ChatSession.id == sa.bindparam("session_id"),
        ChatSession.tenant_id == sa.bindparam("tenant_id"),
        ChatSession.deleted_at.is_(None),
        Agent.deleted_at.is_(None),
    )
    .execution_options(populate_existing=True)
)
_UNANSWERED = (
    sa.select(Job)
    .join(Message, Message.job_id == Job.id)
    .where(Message.session_id == sa.bindparam("session_id"), Job.outcome.is_(None))
    .order_by(Message.number)
    .with_for_update(of=Job, **LOCKED)
    .execution_options(populate_existing=True)
)
