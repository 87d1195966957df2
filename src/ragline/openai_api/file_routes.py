"""Uploaded files over HTTP, as OpenAI's clients send and ask for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, StreamingResponse

from ragline.accounts.access import CallerParameter, EditorParameter, RuntimeParameter
from ragline.documents.receiving import receive_form, validated
from ragline.http.idempotency import KeyHeader
from ragline.openai_api import files
from ragline.openai_api.errors import refused
from ragline.openai_api.file_schemas import FileFields, FileListing, FileObject
from ragline.openai_api.schemas import Deleted, ObjectList, page

router = APIRouter(prefix="/v1/files", tags=["openai"])

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "purpose"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "purpose": {"type": "string", "enum": ["assistants", "user_data"]},
                        "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
                        "expires_after[seconds]": {"type": "integer"},
                    },
                }
            }
        },
    }
}


@router.post("", openapi_extra=_BODY)
async def upload(
    request: Request,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    idempotency_key: KeyHeader = None,
) -> FileObject:
    """Keep a file, to be put into vector stores."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise refused("file", "send it as multipart/form-data")
    form, received, given = await receive_form(request, most_files=1)
    try:
        fields = validated(FileFields, _nested(given))
        return await run_in_threadpool(
            files.keep_file, runtime, caller, received[0], fields, idempotency_key
        )
    finally:
        await form.close()


@router.get("")
def uploaded(
    runtime: RuntimeParameter, caller: CallerParameter, wanted: Annotated[FileListing, Query()]
) -> ObjectList[FileObject]:
    """List uploaded files, newest first."""
    found, more = files.list_files(runtime, caller, wanted)
    return page(found, has_more=more)


@router.get("/{file_id}")
def file(file_id: str, runtime: RuntimeParameter, caller: CallerParameter) -> FileObject:
    """Return a file."""
    return files.get_file(runtime, caller, file_id)


@router.delete("/{file_id}")
def delete(file_id: str, runtime: RuntimeParameter, caller: EditorParameter) -> Deleted:
    """Delete a file, and take it out of all vector stores."""
    files.delete_file(runtime, caller, file_id)
    return Deleted(id=file_id, object="file")


@router.get("/{file_id}/content", response_class=FileResponse)
def content(file_id: str, runtime: RuntimeParameter, caller: CallerParameter) -> Response:
    """Return the file as it was uploaded."""
    found, stored = files.open_file(runtime, caller, file_id)
    # Never shown inside our own origin: an uploaded HTML page could carry a script.
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f"attachment; filename*=utf-8''{quote(found.filename)}",
    }
    if isinstance(stored, Path):
        return FileResponse(stored, media_type=found.media_type, headers=headers)
    headers["Content-Length"] = str(stored.size)
    return StreamingResponse(stored.pieces, media_type=found.media_type, headers=headers)


def _nested(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a form's fields with those like `expires_after[seconds]` put together."""
    nested: dict[str, Any] = {}
    for name, value in fields.items():
        outer, bracket, inner = name.partition("[")
        if bracket and inner.endswith("]"):
            within = nested.setdefault(outer, {})
            if isinstance(within, dict):
                within[inner[:-1]] = value
        else:
            nested[name] = value
    return nested
