"""Questions over HTTP, answered while the caller waits."""

from __future__ import annotations

from fastapi import APIRouter

from ragline.accounts.access import CallerParameter, RuntimeParameter
from ragline.chat import service
from ragline.chat.schemas import ChatAnswer, ChatRequest

router = APIRouter(prefix="/v1/projects", tags=["chat"])


@router.post("/{project_id}/chat")
def chat(
    project_id: str, body: ChatRequest, runtime: RuntimeParameter, caller: CallerParameter
) -> ChatAnswer:
    """Answer a question from a project's documents, with citations."""
    return service.answer(
        runtime, caller, project_id, body.question, limit=body.limit, model=body.model
    )
