"""Stored pairs of an agent: questions whose answers its owner wrote."""

from __future__ import annotations

import sqlalchemy as sa

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.chat.pairs import MOST_PAIRS, embedded
from ragline.conversations.agents import owned_agent
from ragline.conversations.paging import older_first
from ragline.conversations.schemas import PairRequest, PairView
from ragline.database import LOCKED
from ragline.errors import Conflict, NotFound
from ragline.http.idempotency import Once, once
from ragline.models import AnswerPair


def create_pair(
    runtime: Runtime,
    caller: Caller,
    agent_id: str,
    request: PairRequest,
    *,
    key: str | None = None,
) -> PairView:
    """Store a question with its answer; once for an idempotency `key`.

    Raises `Conflict` where the agent has as many as it may.
    """
    asked = Once(caller.tenant_id, key, ("pair", agent_id, request.model_dump(mode="json")))
    vector = embedded(runtime, request.question)

    def make() -> PairView:
        with runtime.database.write() as session:
            agent = owned_agent(session, caller.tenant_id, agent_id)
            session.refresh(agent, with_for_update=LOCKED)
            count = sa.select(sa.func.count()).where(AnswerPair.agent_id == agent_id)
            if (session.scalar(count) or 0) >= MOST_PAIRS:
                raise Conflict(f"An agent has at most {MOST_PAIRS} stored pairs; delete one first.")
            pair = AnswerPair(
                tenant_id=caller.tenant_id,
                agent_id=agent_id,
                question=request.question,
                answer=request.answer,
                embedder=runtime.embedder.name,
                vector=vector,
            )
            session.add(pair)
            session.flush()
            return pair_view(pair)

    return once(runtime.database, asked, PairView, make)


def list_pairs(
    runtime: Runtime, caller: Caller, agent_id: str, *, limit: int, after: str | None = None
) -> tuple[list[PairView], bool]:
    """Return an agent's stored pairs, oldest first, and whether there are more."""
    query = sa.select(AnswerPair).where(AnswerPair.agent_id == agent_id)
    with runtime.database.read() as session:
        owned_agent(session, caller.tenant_id, agent_id)
        last = None
        if after is not None:
            last = session.scalar(query.where(AnswerPair.id == after))
            if last is None:
                raise NotFound(f"There is no pair with the id {after!r} to continue after.")
        found, more = older_first(session, AnswerPair, query, last, limit)
        return [pair_view(pair) for pair in found], more


def delete_pair(runtime: Runtime, caller: Caller, agent_id: str, pair_id: str) -> None:
    """Remove a stored pair."""
    with runtime.database.write() as session:
        owned_agent(session, caller.tenant_id, agent_id)
        pair = session.get(AnswerPair, pair_id)
        if pair is None or pair.agent_id != agent_id:
            raise NotFound(f"There is no pair with the id {pair_id!r}.")
        session.delete(pair)


def pair_view(pair: AnswerPair) -> PairView:
    """Return a stored pair as clients see it."""
    return PairView(
        id=pair.id, question=pair.question, answer=pair.answer, created_at=pair.created_at
    )
