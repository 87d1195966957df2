"""Reading notes over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from ragline.accounts.access import CallerParameter, EditorParameter, RuntimeParameter
from ragline.http.idempotency import KeyHeader, Once, once
from ragline.jobs.reading import get_job
from ragline.zotero import note_service
from ragline.zotero.note_schemas import (
    NoteList,
    NotesAccepted,
    NotesPlan,
    NotesRequest,
    NoteView,
    SkippedItem,
)
from ragline.zotero.note_service import Wanted

router = APIRouter(prefix="/v1/projects/{project_id}/zotero/{library_id}/notes", tags=["zotero"])

Limit = Annotated[int, Query(ge=1, le=200)]


class Begun(BaseModel):
    """What is kept of a request: its job, and which works that is for."""

    job_id: str
    items: list[str]
    skipped: list[SkippedItem]


@router.post("", status_code=202, response_model=NotesAccepted | NotesPlan)
def write(
    project_id: str,
    library_id: str,
    body: NotesRequest,
    response: Response,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    idempotency_key: KeyHeader = None,
) -> NotesAccepted | NotesPlan:
    """Write a reading note for each work and push it to the library; `dry_run` only counts."""
    how = body.model_dump(include={"prompt", "model", "language"}, exclude_none=True)
    filter = body.filter.to_filter() if body.filter else None
    wanted = Wanted(body.items, filter, how, body.limit, body.push)
    if body.dry_run:
        response.status_code = 200
        return note_service.plan(runtime, caller, project_id, library_id, wanted)

    def begin() -> Begun:
        job_id, choice = note_service.accept(
            runtime, caller, project_id, library_id, wanted, body.wishes
        )
        return Begun(job_id=job_id, items=choice.items, skipped=choice.skipped)

    asked = ("zotero notes", project_id, library_id, body.model_dump(mode="json"))
    begun = once(runtime.database, Once(caller.tenant_id, idempotency_key, asked), Begun, begin)
    response.headers["Location"] = f"/v1/jobs/{begun.job_id}"
    job = get_job(runtime, caller.tenant_id, begun.job_id)
    return NotesAccepted(job=job, items=begun.items, skipped=begun.skipped)


@router.get("")
def notes(
    project_id: str,
    library_id: str,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    limit: Limit = 50,
    after: str | None = None,
) -> NoteList:
    """List the notes of a library's works."""
    found, more = note_service.list_notes(
        runtime, caller, project_id, library_id, limit=limit, after=after
    )
    return NoteList(notes=found, has_more=more)


@router.get("/{item_key}")
def note(
    project_id: str,
    library_id: str,
    item_key: str,
    runtime: RuntimeParameter,
    caller: CallerParameter,
) -> NoteView:
    """Return a work's note; a preview with its HTML."""
    return note_service.get_note(runtime, caller, project_id, library_id, item_key)
