"""Queues over HTTP: their numbers for everyone, pausing them for operators."""

from __future__ import annotations

from fastapi import APIRouter

from ragline.accounts.access import CallerParameter, OperatorParameter, RuntimeParameter
from ragline.jobs import queues
from ragline.jobs.queues import QueueList, QueueView

router = APIRouter(prefix="/v1", tags=["queues"])


@router.get("/queues")
def own_queues(runtime: RuntimeParameter, caller: CallerParameter) -> QueueList:
    """Count your own jobs by queue."""
    found = queues.queue_views(runtime, tenant_id=caller.tenant_id)
    return QueueList(scope="tenant", queues=found)


@router.get("/admin/queues")
def all_queues(runtime: RuntimeParameter, _operator: OperatorParameter) -> QueueList:
    """Count the jobs of all tenants by queue."""
    return QueueList(scope="all", queues=queues.queue_views(runtime))


@router.post("/admin/queues/{name}/pause")
def pause(name: str, runtime: RuntimeParameter, operator: OperatorParameter) -> QueueView:
    """Let no worker take work from a queue; what runs goes on to its end."""
    return queues.pause(runtime, operator, name)


@router.post("/admin/queues/{name}/resume")
def resume(name: str, runtime: RuntimeParameter, operator: OperatorParameter) -> QueueView:
    """Let workers take work from a queue again."""
    return queues.resume(runtime, operator, name)
