"""Re-embedding over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Response

from ragline.accounts.access import CallerParameter, EditorParameter, RuntimeParameter
from ragline.http.idempotency import KeyHeader, Once, once
from ragline.reembedding import service
from ragline.reembedding.schemas import (
    IndexesView,
    PreviousRemoved,
    ReembedAccepted,
    ReembedRequest,
)

router = APIRouter(prefix="/v1/projects/{project_id}/reembed", tags=["projects"])


@router.post("", status_code=202)
def reembed(
    project_id: str,
    body: ReembedRequest,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    response: Response,
    idempotency_key: KeyHeader = None,
) -> ReembedAccepted:
    """Fill an index of another model or in another store, check it, and swap it in."""
    target = service.target_of(runtime, caller, project_id, body)
    asked = ("reembed", project_id, body.model_dump(mode="json"))
    accepted = once(
        runtime.database,
        Once(caller.tenant_id, idempotency_key, asked),
        ReembedAccepted,
        lambda: service.begin(runtime, caller, project_id, body, target),
    )
    response.headers["Location"] = f"/v1/jobs/{accepted.job.id}"
    return accepted


@router.get("")
def indexes(project_id: str, runtime: RuntimeParameter, caller: CallerParameter) -> IndexesView:
    """Return what a project is searched with, and how full each of its indexes is."""
    return service.look(runtime, caller, project_id)


@router.post("/rollback")
def roll_back(project_id: str, runtime: RuntimeParameter, caller: EditorParameter) -> IndexesView:
    """Search a project in its previous index again, at once."""
    return service.roll_back(runtime, caller, project_id)


@router.delete("/previous")
def remove_previous(
    project_id: str, runtime: RuntimeParameter, caller: EditorParameter
) -> PreviousRemoved:
    """Remove the index that a project could go back to."""
    return service.remove_previous(runtime, caller, project_id)
