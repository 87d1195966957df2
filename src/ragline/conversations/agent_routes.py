"""Agents and their stored pairs over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from ragline.accounts.access import CallerParameter, EditorParameter, RuntimeParameter
from ragline.conversations import service
from ragline.conversations.schemas import (
    AgentChange,
    AgentList,
    AgentRequest,
    AgentView,
    PairList,
    PairRequest,
    PairView,
    QueryAnswer,
    QueryRequest,
    Removed,
)
from ragline.http.idempotency import KeyHeader

router = APIRouter(prefix="/v1", tags=["agents"])

Limit = Annotated[int, Query(ge=1, le=200)]


@router.post("/agents", status_code=201)
def create(
    body: AgentRequest,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    idempotency_key: KeyHeader = None,
) -> AgentView:
    """Make an agent: who answers, from which projects, and how."""
    return service.create_agent(runtime, caller, body, key=idempotency_key)


@router.get("/agents")
def agents(
    runtime: RuntimeParameter, caller: CallerParameter, limit: Limit = 50, after: str | None = None
) -> AgentList:
    """List your agents, oldest first."""
    found, more = service.list_agents(runtime, caller, limit=limit, after=after)
    return AgentList(agents=found, has_more=more)


@router.get("/agents/{agent_id}")
def agent(agent_id: str, runtime: RuntimeParameter, caller: CallerParameter) -> AgentView:
    """Return an agent."""
    return service.get_agent(runtime, caller, agent_id)


@router.patch("/agents/{agent_id}")
def change(
    agent_id: str, body: AgentChange, runtime: RuntimeParameter, caller: EditorParameter
) -> AgentView:
    """Change an agent; fields left out stay, also within `retrieval` and `answering`."""
    return service.change_agent(runtime, caller, agent_id, body)


@router.delete("/agents/{agent_id}")
def delete(agent_id: str, runtime: RuntimeParameter, caller: EditorParameter) -> Removed:
    """Delete an agent with its sessions, messages and pairs; the answer is the receipt."""
    return service.delete_agent(runtime, caller, agent_id)


@router.post("/agents/{agent_id}/pairs", status_code=201)
def create_pair(
    agent_id: str,
    body: PairRequest,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    idempotency_key: KeyHeader = None,
) -> PairView:
    """Store an answer to be given whenever nearly this question is asked."""
    return service.create_pair(runtime, caller, agent_id, body, key=idempotency_key)


@router.get("/agents/{agent_id}/pairs")
def pairs(
    agent_id: str,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    limit: Limit = 50,
    after: str | None = None,
) -> PairList:
    """List an agent's stored pairs, oldest first."""
    found, more = service.list_pairs(runtime, caller, agent_id, limit=limit, after=after)
    return PairList(pairs=found, has_more=more)


@router.delete("/agents/{agent_id}/pairs/{pair_id}", status_code=204)
def delete_pair(
    agent_id: str, pair_id: str, runtime: RuntimeParameter, caller: EditorParameter
) -> None:
    """Delete a stored pair."""
    service.delete_pair(runtime, caller, agent_id, pair_id)


@router.post("/queries")
def queries(body: QueryRequest, runtime: RuntimeParameter, caller: CallerParameter) -> QueryAnswer:
    """Say which projects a question is best asked of, and why, with their best passages."""
    return service.route_question(runtime, caller, body)
