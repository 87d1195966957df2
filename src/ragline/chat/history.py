"""What was said in a session before a message, cut to what is sent along with a question."""

from __future__ import annotations

import math
from collections.abc import Sequence

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.models import Message
from ragline.providers.contracts import Turn

CHARACTERS_PER_TOKEN = 4
"""Of English and French prose; a guess is enough, since models differ by more than it errs."""
MOST_TURNS = 50


def estimated_tokens(text: str) -> int:
    """Return about how many tokens a model makes of a text."""
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def cut(turns: Sequence[Turn], tokens: int) -> tuple[Turn, ...]:
    """Return the newest turns that fit, oldest first; a question stays with its answer."""
    kept: list[Turn] = []
    left = tokens
    for exchange in reversed(_exchanges(turns)):
        left -= sum(estimated_tokens(turn.text) for turn in exchange)
        if left < 0:
            break
        kept[:0] = exchange
    return tuple(kept)


def said_before(runtime: Runtime, message_id: str) -> list[Turn]:
    """Return the answered turns of a session before a message of it, oldest first.

    What was not answered, or is not yet, is left out with its question.
    """
    with runtime.database.read() as session:
        message = session.get(Message, message_id)
        if message is None:
            return []
        values = {"session_id": message.session_id, "before": message.number - 1}
        rows = session.execute(_BEFORE, values).all()
    answered = {row.number for row in rows if row.role == "assistant"}
    kept = [row for row in rows if row.role == "assistant" or row.number + 1 in answered]
    return [
        Turn("user" if row.role == "user" else "assistant", row.content)
        for row in sorted(kept, key=lambda row: row.number)
    ]


def _exchanges(turns: Sequence[Turn]) -> list[list[Turn]]:
    """Return turns in groups that each begin with what a user says."""
    groups: list[list[Turn]] = []
    for turn in turns:
        if turn.role == "user" or not groups:
            groups.append([])
        groups[-1].append(turn)
    return groups


_BEFORE = (
    sa.select(Message.number, Message.role, Message.content)
    .where(
        Message.session_id == sa.bindparam("session_id"),
        Message.number < sa.bindparam("before"),
        Message.content.is_not(None),
    )
    .order_by(Message.number.desc())
    .limit(2 * MOST_TURNS)
)
