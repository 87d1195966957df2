"""Questions over HTTP, answered while the caller waits."""

from __future__ import annotations

from functools import partial

import anyio.to_thread
from fastapi import APIRouter, Request

from ragline.accounts.access import CallerParameter, RuntimeParameter
from ragline.chat import service
from ragline.chat.schemas import ChatAnswer, ChatRequest

router = APIRouter(prefix="/v1/projects", tags=["chat"])


@router.post("/{project_id}/chat")
async def chat(
    project_id: str,
    body: ChatRequest,
    request: Request,
    runtime: RuntimeParameter,
    caller: CallerParameter,
) -> ChatAnswer:
    """Answer a question from a project's documents, with citations."""
    answer = partial(
        service.answer,
        runtime,
        caller,
        project_id,
        body.question,
        limit=body.limit,
        model=body.model,
    )
    return await anyio.to_thread.run_sync(answer, limiter=request.app.state.chat_limiter)
