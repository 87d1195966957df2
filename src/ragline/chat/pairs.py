"""Answers that an agent's owner wrote: found by how near a question is to theirs."""

from __future__ import annotations

import re

import numpy as np
import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.chat.schemas import ChatAnswer, UsageView
from ragline.models import AnswerPair
from ragline.providers.contracts import Vectors

MODEL = "stored-pair"
"""What stands in the usage of an answer that no model gave."""
NEAR_ENOUGH = 0.95
"""The least cosine of two questions that count as the same one."""
MOST_PAIRS = 1000
_FORM = np.dtype("<f4")


def embedded(runtime: Runtime, question: str) -> bytes:
    """Return a question's vector as it is stored."""
    return runtime.embedder.embed_query(_plain(question)).astype(_FORM).tobytes()


def stored_answer(runtime: Runtime, agent_id: str, question: str) -> ChatAnswer | None:
    """Return the stored answer to the nearest question of an agent's pairs, if one is near."""
    with runtime.database.read() as session:
        pairs = session.execute(_PAIRS, {"agent_id": agent_id}).all()
    if not pairs:
        return None
    asked = runtime.embedder.embed_query(_plain(question))
    vectors = np.stack([_vector(runtime, pair) for pair in pairs])
    cosines = vectors @ asked
    best = int(np.argmax(cosines))
    if cosines[best] < NEAR_ENOUGH or _numbers(pairs[best].question) != _numbers(question):
        return None
    usage = UsageView(model=MODEL, prompt_tokens=0, completion_tokens=0)
    return ChatAnswer(answer=pairs[best].answer, citations=[], usage=usage)


def _plain(question: str) -> str:
    """Return a question as it is compared: a missing question mark moves a vector too far."""
    return question.casefold().strip().rstrip(" ?!.…") + "?"


def _numbers(question: str) -> list[str]:
    """Return the numbers in a question: vectors hardly tell 200 from 250."""
    return re.findall(r"\d+", question)


def _vector(runtime: Runtime, pair: sa.Row[str, str, str, bytes, str]) -> Vectors:
    if pair.embedder == runtime.embedder.name:
        return np.frombuffer(pair.vector, _FORM)
    # Another model made it: its vectors say nothing about this one's.
    vector = embedded(runtime, pair.question)
    with runtime.database.write() as session:
        values = {"pair_id": pair.id, "name": runtime.embedder.name, "by_name": vector}
        session.execute(_RENEW, values)
    return np.frombuffer(vector, _FORM)


_PAIRS = sa.select(
    AnswerPair.id, AnswerPair.question, AnswerPair.answer, AnswerPair.vector, AnswerPair.embedder
).where(AnswerPair.agent_id == sa.bindparam("agent_id"))
_RENEW = (
    sa.update(AnswerPair)
    .where(AnswerPair.id == sa.bindparam("pair_id"))
    .values(embedder=sa.bindparam("name"), vector=sa.bindparam("by_name"))
    .execution_options(synchronize_session=False)
)
