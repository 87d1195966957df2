"""Connected libraries over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from ragline.accounts.access import CallerParameter, EditorParameter, RuntimeParameter
from ragline.http.idempotency import KeyHeader, Named, Once, once
from ragline.jobs.reading import get_job
from ragline.zotero import service
from ragline.zotero.schemas import (
    LibraryChange,
    LibraryList,
    LibraryRequest,
    LibraryView,
    SyncAccepted,
)

router = APIRouter(prefix="/v1/projects/{project_id}/zotero", tags=["zotero"])


@router.post("", status_code=201)
def connect(
    project_id: str,
    body: LibraryRequest,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    idempotency_key: KeyHeader = None,
) -> LibraryView:
    """Connect a library of Zotero; its key is never shown again."""
    fields = _plain(body.model_dump())
    request = Once(caller.tenant_id, idempotency_key, ("zotero", project_id, fields))
    return once(
        runtime.database,
        request,
        LibraryView,
        lambda: service.connect(runtime, caller, project_id, fields),
    )


@router.get("")
def libraries(project_id: str, runtime: RuntimeParameter, caller: CallerParameter) -> LibraryList:
    """List the libraries connected to a project."""
    return LibraryList(libraries=service.list_libraries(runtime, caller, project_id))


@router.get("/{library_id}")
def library(
    project_id: str, library_id: str, runtime: RuntimeParameter, caller: CallerParameter
) -> LibraryView:
    """Return a connected library, without its key."""
    return service.get_library(runtime, caller, project_id, library_id)


@router.patch("/{library_id}")
def change(
    project_id: str,
    library_id: str,
    body: LibraryChange,
    runtime: RuntimeParameter,
    caller: EditorParameter,
) -> LibraryView:
    """Change a connection: its key, its collections, or the prompt of its reading notes."""
    changes = _plain(body.model_dump(exclude_unset=True))
    return service.change_library(runtime, caller, project_id, library_id, changes)


@router.delete("/{library_id}", status_code=204)
def disconnect(
    project_id: str, library_id: str, runtime: RuntimeParameter, caller: EditorParameter
) -> None:
    """Forget a library with its key; its documents stay."""
    service.disconnect(runtime, caller, project_id, library_id)


@router.post("/{library_id}/sync", status_code=202)
def sync(
    project_id: str,
    library_id: str,
    response: Response,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    idempotency_key: KeyHeader = None,
) -> SyncAccepted:
    """Take in what changed in a library since the last time."""
    request = Once(caller.tenant_id, idempotency_key, ("zotero sync", project_id, library_id))
    begun = once(
        runtime.database,
        request,
        Named,
        lambda: Named(id=service.begin_sync(runtime, caller, project_id, library_id)),
    )
    response.headers["Location"] = f"/v1/jobs/{begun.id}"
    return SyncAccepted(job=get_job(runtime, caller.tenant_id, begun.id))


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields with the key as it is sent on."""
    key = fields.get("api_key")
    return fields if key is None else {**fields, "api_key": key.get_secret_value()}
