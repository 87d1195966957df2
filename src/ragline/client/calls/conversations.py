"""Agents, their stored pairs and shares, sessions and messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from ragline.client.calls.events import follow
from ragline.client.calls.projects import KEPT, Kept
from ragline.client.calls.wishes import wishes
from ragline.client.listing import listing
from ragline.client.models import Agent, Event, Message, Page, Pair, Removed, Routed, Session, Share
from ragline.client.sending import ask, at, create, delete, get, given, patch, post, send
from ragline.client.steps import Flow, Series


def agents(*, limit: int | None = None, after: str | None = None) -> Series[Agent]:
    """Yield your agents, oldest first; behind the id `after`, and at most `limit`."""
    yield from listing(at("agents"), Page[Agent], limit=limit, after=after)


def agent(agent_id: str) -> Flow[Agent]:
    """Return an agent."""
    return (yield from ask(get(at("agents", agent_id)), Agent))


def create_agent(
    name: str,
    projects: Sequence[str],
    *,
    description: str | None = None,
    instructions: str | None = None,
    model: str | None = None,
    language: str | None = None,
    retrieval: Mapping[str, Any] | None = None,
    answering: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
) -> Flow[Agent]:
    """Make an agent that answers from projects, given by their ids.

    `retrieval` may hold `limit`, `mode` and `filter`; `answering` may hold `temperature`,
    `most_tokens`, `history_tokens` and `near`.
    """
    body = given(
        name=name,
        projects=list(projects),
        description=description,
        instructions=instructions,
        model=model,
        language=language,
        retrieval=retrieval,
        answering=answering,
    )
    return (yield from ask(create(at("agents"), body, key=idempotency_key), Agent))


def change_agent(
    agent_id: str,
    *,
    name: str | None = None,
    projects: Sequence[str] | None = None,
    description: str | Literal[Kept.KEPT] | None = KEPT,
    instructions: str | None = None,
    model: str | Literal[Kept.KEPT] | None = KEPT,
    language: str | Literal[Kept.KEPT] | None = KEPT,
    retrieval: Mapping[str, Any] | None = None,
    answering: Mapping[str, Any] | None = None,
) -> Flow[Agent]:
    """Change fields of an agent; None clears its description, model or language."""
    chosen = None if projects is None else list(projects)
    body = given(
        name=name,
        projects=chosen,
        instructions=instructions,
        retrieval=retrieval,
        answering=answering,
    )
    clearable = {"description": description, "model": model, "language": language}
    body |= {key: value for key, value in clearable.items() if value is not KEPT}
    return (yield from ask(patch(at("agents", agent_id), body), Agent))


def delete_agent(agent_id: str) -> Flow[Removed]:
    """Delete an agent with its sessions, messages and pairs, and return what was removed."""
    return (yield from ask(delete(at("agents", agent_id)), Removed))


def pairs(agent_id: str, *, limit: int | None = None, after: str | None = None) -> Series[Pair]:
    """Yield an agent's stored pairs, oldest first."""
    yield from listing(at("agents", agent_id, "pairs"), Page[Pair], limit=limit, after=after)


def create_pair(
    agent_id: str, question: str, answer: str, *, idempotency_key: str | None = None
) -> Flow[Pair]:
    """Store an answer to be given whenever nearly this question is asked."""
    body = {"question": question, "answer": answer}
    request = create(at("agents", agent_id, "pairs"), body, key=idempotency_key)
    return (yield from ask(request, Pair))


def delete_pair(agent_id: str, pair_id: str) -> Flow[None]:
    """Delete a stored pair."""
    yield from send(delete(at("agents", agent_id, "pairs", pair_id)))


def shares(agent_id: str, *, limit: int | None = None, after: str | None = None) -> Series[Share]:
    """Yield an agent's public links with what was used of them, oldest first."""
    yield from listing(at("agents", agent_id, "shares"), Page[Share], limit=limit, after=after)


def create_share(
    agent_id: str,
    *,
    name: str | None = None,
    expires_at: datetime | None = None,
    most_messages: int | None = None,
    most_tokens: int | None = None,
    per_minute: int | None = None,
    idempotency_key: str | None = None,
) -> Flow[Share]:
    """Open an agent to the public by a link; its `token` and `path` are in this answer only."""
    body = given(
        name=name,
        expires_at=expires_at and expires_at.isoformat(),
        most_messages=most_messages,
        most_tokens=most_tokens,
        per_minute=per_minute,
    )
    request = create(at("agents", agent_id, "shares"), body, key=idempotency_key)
    return (yield from ask(request, Share))


def revoke_share(agent_id: str, share_id: str) -> Flow[None]:
    """Close a public link; streams that are open end within seconds."""
    yield from send(delete(at("agents", agent_id, "shares", share_id)))


def sessions(
    *, agent: str | None = None, limit: int | None = None, after: str | None = None
) -> Series[Session]:
    """Yield conversations, newest first, all or those with the agent of this id."""
    yield from listing(at("sessions"), Page[Session], limit=limit, after=after, agent=agent)


def session(session_id: str) -> Flow[Session]:
    """Return a conversation."""
    return (yield from ask(get(at("sessions", session_id)), Session))


def create_session(
    agent_id: str,
    *,
    title: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
) -> Flow[Session]:
    """Begin a conversation with an agent."""
    body = given(agent_id=agent_id, title=title, metadata=metadata)
    return (yield from ask(create(at("sessions"), body, key=idempotency_key), Session))


def delete_session(session_id: str) -> Flow[Removed]:
    """Delete a conversation with its messages; answers under way are cancelled first."""
    return (yield from ask(delete(at("sessions", session_id)), Removed))


def messages(
    session_id: str, *, limit: int | None = None, after: str | None = None
) -> Series[Message]:
    """Yield the messages of a conversation in their order."""
    yield from listing(
        at("sessions", session_id, "messages"),
        Page[Message],
        limit=limit,
        after=after,
        place=lambda message: message.message_id,
    )


def send_message(
    session_id: str,
    content: str,
    *,
    wait: int | None = None,
    priority: int | None = None,
    not_before: datetime | None = None,
    tags: Sequence[str] = (),
    idempotency_key: str | None = None,
) -> Flow[Message]:
    """Say something, and return the message that will be the answer: a job fills it.

    With `wait` it comes when that has ended, or after so many seconds (60 at most).
    """
    waiting = {} if wait is None else {"headers": {"Prefer": f"wait={wait}"}, "patience": wait}
    request = create(
        at("sessions", session_id, "messages"),
        {"content": content} | wishes(priority, not_before, tags),
        key=idempotency_key,
        **waiting,
    )
    return (yield from ask(request, Message))


def stream_message(
    session_id: str, content: str, *, idempotency_key: str | None = None
) -> Series[Event]:
    """Say something and yield the events of the answer while it is written; see `chat_stream`."""
    body = {"content": content, "stream": True}
    path = at("sessions", session_id, "messages")
    yield from follow(create(path, body, key=idempotency_key), after=None)


def message(message_id: str, *, wait: float | None = None) -> Flow[Message]:
    """Return a message, after waiting up to `wait` seconds (at most 60) for its answer."""
    return (yield from ask(get(at("messages", message_id), wait=wait, patience=wait or 0), Message))


def retry_message(message_id: str, *, idempotency_key: str | None = None) -> Flow[Message]:
    """Try again to answer a message that failed or was cancelled."""
    request = create(at("messages", message_id, "retry"), key=idempotency_key)
    return (yield from ask(request, Message))


def cancel_message(message_id: str) -> Flow[Message]:
    """Stop the answering of a message."""
    request = post(at("messages", message_id, "cancel"), repeatable=True)
    return (yield from ask(request, Message))


def message_events(message_id: str, *, after: str | int | None = None) -> Series[Event]:
    """Yield the events of a message's job, from the first or behind one, until it has ended."""
    place = None if after is None else str(after)
    yield from follow(get(at("messages", message_id, "events")), after=place)


def route_question(
    question: str,
    *,
    agent_id: str | None = None,
    projects: Sequence[str] | None = None,
    limit: int | None = None,
) -> Flow[Routed]:
    """Return which projects a question is best asked of, and why, with their best passages."""
    chosen = None if projects is None else list(projects)
    body = given(question=question, agent_id=agent_id, projects=chosen, limit=limit)
    return (yield from ask(post(at("queries"), body, repeatable=True), Routed))
