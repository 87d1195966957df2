"""Agents, sessions and messages, as every way into Ragline uses them: one door.

All functions take the runtime and a `Caller`; what is the caller's is what its tenant has. A
share has no key: it calls with `Caller(tenant_id, "", Role.READER)` and names itself as
`share_id`, and then sees only the sessions that were begun through it. Each returns views of
`conversations/schemas.py` and raises errors of `ragline.errors`: `NotFound`, `Conflict`,
`InvalidInput`, `Overloaded`.
"""

from ragline.conversations.agents import (
    change_agent,
    create_agent,
    delete_agent,
    get_agent,
    list_agents,
)
from ragline.conversations.messages import (
    cancel_message,
    get_message,
    list_messages,
    retry_message,
    send_message,
)
from ragline.conversations.pairs import create_pair, delete_pair, list_pairs
from ragline.conversations.queries import route_question
from ragline.conversations.sessions import (
    create_session,
    delete_session,
    get_session,
    list_sessions,
)

__all__ = [
    "cancel_message",
    "change_agent",
    "create_agent",
    "create_pair",
    "create_session",
    "delete_agent",
    "delete_pair",
    "delete_session",
    "get_agent",
    "get_message",
    "get_session",
    "list_agents",
    "list_messages",
    "list_pairs",
    "list_sessions",
    "retry_message",
    "route_question",
    "send_message",
]
