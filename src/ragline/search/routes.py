"""Search over HTTP."""

from __future__ import annotations

from fastapi import APIRouter

from ragline.accounts.access import CallerParameter, RuntimeParameter
from ragline.search import service
from ragline.search.schemas import SearchAnswer, SearchRequest

router = APIRouter(prefix="/v1/projects", tags=["search"])


@router.post("/{project_id}/search")
def search(
    project_id: str, body: SearchRequest, runtime: RuntimeParameter, caller: CallerParameter
) -> SearchAnswer:
    """Find the passages of a project that answer a question best."""
    return service.search_passages(
        runtime,
        caller,
        project_id,
        body.query,
        limit=body.limit,
        mode=body.mode,
        filter=body.filter.to_filter() if body.filter else None,
        refining=body.refining(),
    )
