"""Agents: made, found, changed and deleted with their conversations."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.conversations.paging import older_first
from ragline.conversations.schemas import (
    AgentChange,
    AgentRequest,
    AgentView,
    Answering,
    Removed,
    Retrieval,
)
from ragline.conversations.sessions import remove_session
from ragline.database import LOCKED
from ragline.errors import NotFound
from ragline.http.idempotency import Once, once
from ragline.models import Agent, AnswerPair, ChatSession, now

_GROUPS = ("retrieval", "answering")


def create_agent(
    runtime: Runtime, caller: Caller, request: AgentRequest, *, key: str | None = None
) -> AgentView:
    """Make an agent over projects of the tenant; once for an idempotency `key`.

    Raises `NotFound` for a project that the tenant does not have.
    """
    fields = request.model_dump(mode="json")
    asked = Once(caller.tenant_id, key, ("agent", fields))

    def make() -> AgentView:
        with runtime.database.write() as session:
            _require_projects(session, caller.tenant_id, request.projects)
            agent = Agent(tenant_id=caller.tenant_id, **fields)
            session.add(agent)
            session.flush()
            return agent_view(agent)

    return once(runtime.database, asked, AgentView, make)


def get_agent(runtime: Runtime, caller: Caller, agent_id: str) -> AgentView:
    """Return one agent of the tenant, or raise `NotFound`."""
    with runtime.database.read() as session:
        return agent_view(owned_agent(session, caller.tenant_id, agent_id))


def list_agents(
    runtime: Runtime, caller: Caller, *, limit: int, after: str | None = None
) -> tuple[list[AgentView], bool]:
    """Return agents, oldest first, and whether there are more."""
    query = sa.select(Agent).where(Agent.tenant_id == caller.tenant_id, Agent.deleted_at.is_(None))
    with runtime.database.read() as session:
        last = owned_agent(session, caller.tenant_id, after) if after is not None else None
        found, more = older_first(session, Agent, query, last, limit)
        return [agent_view(agent) for agent in found], more


def change_agent(runtime: Runtime, caller: Caller, agent_id: str, change: AgentChange) -> AgentView:
    """Change the fields that are given; messages accepted before are answered as before."""
    changes = change.model_dump(mode="json", exclude_unset=True)
    with runtime.database.write() as session:
        agent = owned_agent(session, caller.tenant_id, agent_id)
        session.refresh(agent, with_for_update=LOCKED)
        if "projects" in changes:
            _require_projects(session, caller.tenant_id, changes["projects"])
        for group in _GROUPS:
            if group in changes:
                changes[group] = {**getattr(agent, group), **changes[group]}
        for field, value in changes.items():
            setattr(agent, field, value)
        return agent_view(agent)


def delete_agent(runtime: Runtime, caller: Caller, agent_id: str) -> Removed:
    """Hide an agent and its sessions, then remove them; answers under way are cancelled first.

    A deletion that was interrupted goes on where it is asked for again.
    """
    with runtime.database.write() as session:
        agent = session.get(Agent, agent_id, with_for_update=LOCKED)
        if agent is None or agent.tenant_id != caller.tenant_id:
            raise _unknown(agent_id)
        agent.deleted_at = agent.deleted_at or now()
    receipt = Removed()
    while (session_id := _any_session(runtime, agent_id)) is not None:
        removed = remove_session(runtime, caller.tenant_id, session_id)
        receipt.sessions += removed.sessions
        receipt.messages += removed.messages
        receipt.cancelled += removed.cancelled
    with runtime.database.write() as session:
        pairs = sa.delete(AnswerPair).where(AnswerPair.agent_id == agent_id)
        receipt.pairs = int(session.execute(pairs).rowcount)  # type: ignore[attr-defined]  # a DELETE has one
        gone = session.execute(sa.delete(Agent).where(Agent.id == agent_id))
        receipt.agents = int(gone.rowcount)  # type: ignore[attr-defined]  # a DELETE has one
    return receipt


def owned_agent(session: Session, tenant_id: str, agent_id: str) -> Agent:
    """Return an agent of the tenant or raise `NotFound`."""
    agent = session.scalar(_OWNED, {"agent_id": agent_id, "tenant_id": tenant_id})
    if agent is None:
        raise _unknown(agent_id)
    return agent


def agent_view(agent: Agent) -> AgentView:
    """Return an agent as clients see it."""
    return AgentView(
        id=agent.id,
        name=agent.name,
        description=agent.description,
        projects=agent.projects,
        instructions=agent.instructions,
        model=agent.model,
        language=agent.language,
        retrieval=Retrieval.model_validate(agent.retrieval),
        answering=Answering.model_validate(agent.answering),
        created_at=agent.created_at,
    )


def _require_projects(session: Session, tenant_id: str, project_ids: Sequence[str]) -> None:
    for project_id in project_ids:
        owned_project(session, tenant_id, project_id)


def _any_session(runtime: Runtime, agent_id: str) -> str | None:
    query = sa.select(ChatSession.id).where(ChatSession.agent_id == agent_id).limit(1)
    with runtime.database.read() as session:
        return session.scalar(query)


def _unknown(agent_id: str) -> NotFound:
    return NotFound(f"There is no agent with the id {agent_id!r}.")


_OWNED = sa.select(Agent).where(
    Agent.id == sa.bindparam("agent_id"),
    Agent.tenant_id == sa.bindparam("tenant_id"),
    Agent.deleted_at.is_(None),
)
