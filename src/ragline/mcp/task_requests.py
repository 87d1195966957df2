"""Requests about tasks, in the words of either revision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi.concurrency import run_in_threadpool
from mcp.server.context import HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp_types import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    CancelTaskRequestParams,
    CancelTaskResult,
    GetTaskPayloadRequestParams,
    GetTaskRequestParams,
    GetTaskResult,
    ListTasksResult,
    PaginatedRequestParams,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel

from ragline.jobs.schemas import JobView
from ragline.mcp import tasks
from ragline.mcp.calls import Call

TASKS_REVISION = "2025-11-25"
"""The one revision in which tasks are part of the protocol itself."""

Context = ServerRequestContext[Any, Any]


def register(server: Server[Any], call_of: Callable[[Context], Call]) -> None:
    """Have a server answer requests about tasks; `call_of` tells whose they are."""
    requests = TaskRequests(call_of)
    add = server.add_request_handler
    add("tasks/get", GetTaskRequestParams, requests.get)
    add("tasks/cancel", CancelTaskRequestParams, requests.cancel)
    add("tasks/update", GetTaskRequestParams, requests.update)
    add("tasks/result", GetTaskPayloadRequestParams, requests.result)
    add("tasks/list", PaginatedRequestParams, requests.listed)


@dataclass(frozen=True, slots=True)
class TaskRequests:
    """Answers requests about tasks."""

    call_of: Callable[[Context], Call]

    async def get(self, context: Context, params: GetTaskRequestParams) -> HandlerResult:
        """Return a task as it is."""
        call = self.call_of(context)
        _check_route(context, params.task_id)
        job = await tasks.get(call, params.task_id)
        if is_modern(context):
            return await tasks.detailed(call, job)
        return _of_job(GetTaskResult, call, job)

    async def cancel(self, context: Context, params: CancelTaskRequestParams) -> HandlerResult:
        """Cancel a task."""
        call = self.call_of(context)
        _check_route(context, params.task_id)
        before = await tasks.get(call, params.task_id)
        if not is_modern(context) and tasks.has_ended(before):
            raise MCPError(INVALID_PARAMS, f"The task {before.id!r} has ended: {before.status}.")
        job = await tasks.cancel(call, params.task_id)
        return {} if is_modern(context) else _of_job(CancelTaskResult, call, job)

    async def update(self, context: Context, params: GetTaskRequestParams) -> HandlerResult:
        """Acknowledge input that no task asked for."""
        _require_modern(context)
        _check_route(context, params.task_id)
        await tasks.get(self.call_of(context), params.task_id)
        return {}

    async def result(self, context: Context, params: GetTaskPayloadRequestParams) -> HandlerResult:
        """Return what a task's call gives, once it has ended."""
        _require_tasks_revision(context)
        return await tasks.result(self.call_of(context), params.task_id)

    async def listed(self, context: Context, params: PaginatedRequestParams) -> ListTasksResult:
        """List the caller's tasks."""
        _require_tasks_revision(context)
        return await run_in_threadpool(tasks.listed, self.call_of(context), params.cursor)


def _of_job(model: type[BaseModel], call: Call, job: JobView) -> BaseModel:
    return model.model_validate(tasks.task_of(call, job).model_dump())


def is_modern(context: Context) -> bool:
    """Tell whether a request is of a revision without sessions."""
    return context.protocol_version in MODERN_PROTOCOL_VERSIONS


def _require_modern(context: Context) -> None:
    if not is_modern(context):
        raise MCPError(METHOD_NOT_FOUND, "Method not found", context.method)


def _require_tasks_revision(context: Context) -> None:
    if context.protocol_version != TASKS_REVISION:
        raise MCPError(METHOD_NOT_FOUND, "Method not found", context.method)


def _check_route(context: Context, task_id: str) -> None:
    """Refuse a request whose header names another task than its body: proxies go by the header."""
    assert context.request is not None, "served over HTTP only"
    named = context.request.headers.get(MCP_NAME_HEADER)
    if is_modern(context) and decode_header_value(named) != task_id:
        raise MCPError(HEADER_MISMATCH, "The header Mcp-Name must be the task's id.")
