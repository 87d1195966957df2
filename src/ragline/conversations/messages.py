"""Messages: sent, answered by jobs, looked at, retried and cancelled."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.chat import service as chat
from ragline.chat.sessions import begin_turn, owned_session, question_of
from ragline.conversations.schemas import MessageRequest, MessageView
from ragline.conversations.views import shown
from ragline.errors import Conflict, NotFound
from ragline.http.idempotency import Named, Once, once
from ragline.jobs import control
from ragline.models import Message


def send_message(
    runtime: Runtime,
    caller: Caller,
    session_id: str,
    request: MessageRequest,
    *,
    key: str | None = None,
    share_id: str | None = None,
) -> MessageView:
    """Keep what a user says and queue its answer; return the answer's message, still empty.

    Its `job_id` is the job of kind `message`, whose events are the stream of the answer where
    `request.stream` is set. Once for an idempotency `key`. In a session answers come in order:
    a message waits, as `pending`, for the one before it.

    Raises:
        NotFound: there is no such session, or none of this share.
        Conflict: too many messages of the session are unanswered.
        Overloaded: too many questions are in progress.
    """
    asked = Once(caller.tenant_id, key, ("message", session_id, request.model_dump(mode="json")))

    def make() -> MessageView:
        with runtime.database.write() as session:
            turn, before = begin_turn(
                session,
                (caller.tenant_id, session_id),
                lambda agent: question_of(agent, request.content),
                share_id=share_id,
            )
            job = chat.accept_turn(
                session, runtime, turn, before, stream=request.stream, wishes=request.wishes
            )
            return shown(turn.answer, job)

    return once(runtime.database, asked, MessageView, make)


def get_message(
    runtime: Runtime, caller: Caller, message_id: str, *, share_id: str | None = None
) -> MessageView:
    """Return a message with its place in the queue, or raise `NotFound`."""
    with runtime.database.read() as session:
        message = owned_message(session, caller.tenant_id, message_id, share_id=share_id)
    return shown(message, chat.job_of(runtime, message))


def list_messages(
    runtime: Runtime,
    caller: Caller,
    session_id: str,
    *,
    limit: int,
    after: str | None = None,
    share_id: str | None = None,
) -> tuple[list[MessageView], bool]:
    """Return the messages of a session in their order, and whether there are more."""
    with runtime.database.read() as session:
        owned_session(session, caller.tenant_id, session_id, share_id=share_id)
        query = sa.select(Message).where(Message.session_id == session_id)
        if after is not None:
            last = owned_message(session, caller.tenant_id, after, share_id=share_id)
            query = query.where(Message.number > last.number)
        found = session.scalars(query.order_by(Message.number).limit(limit + 1)).all()
    jobs = chat.jobs_of(runtime, found[:limit])
    return [shown(each, jobs.get(each.job_id or "")) for each in found[:limit]], len(found) > limit


def retry_message(
    runtime: Runtime, caller: Caller, message_id: str, *, key: str | None = None
) -> MessageView:
    """Try again to answer a message whose job failed or was cancelled; once for a `key`.

    Raises `Conflict` where it has not.
    """
    request = Once(caller.tenant_id, key, ("retry message", message_id))

    def begin() -> Named:
        control.retry(runtime, caller.tenant_id, _job_id(runtime, caller, message_id))
        return Named(id=message_id)

    once(runtime.database, request, Named, begin)
    return get_message(runtime, caller, message_id)


def cancel_message(runtime: Runtime, caller: Caller, message_id: str) -> MessageView:
    """Stop the answering of a message; it is `cancelled` once its job has been undone.

    Raises `Conflict` where it was answered or has failed.
    """
    control.cancel(runtime, caller.tenant_id, _job_id(runtime, caller, message_id))
    return get_message(runtime, caller, message_id)


def owned_message(
    session: Session, tenant_id: str, message_id: str, *, share_id: str | None = None
) -> Message:
    """Return a message of a session that is there, or raise `NotFound`."""
    message = session.get(Message, message_id)
    unknown = NotFound(f"There is no message with the id {message_id!r}.")
    if message is None or message.tenant_id != tenant_id:
        raise unknown
    try:
        owned_session(session, tenant_id, message.session_id, share_id=share_id)
    except NotFound:
        raise unknown from None
    return message


def _job_id(runtime: Runtime, caller: Caller, message_id: str) -> str:
    with runtime.database.read() as session:
        message = owned_message(session, caller.tenant_id, message_id)
    if message.job_id is None:
        raise Conflict("This message was said by the user; only answers are jobs.")
    return message.job_id
