"""Documents over HTTP: upload, look, read back, delete."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, StreamingResponse

from ragline.accounts.access import CallerParameter, EditorParameter, RuntimeParameter
from ragline.documents import changing, deletion, reading, receiving, storing
from ragline.documents.gathering import Gathering
from ragline.documents.schemas import (
    Accepted,
    ChunkList,
    ChunkView,
    DocumentChange,
    DocumentList,
    DocumentView,
    PageList,
    PageView,
    Receipt,
    TextDocument,
)
from ragline.documents.views import view_of
from ragline.errors import InvalidInput
from ragline.http.idempotency import KeyHeader
from ragline.http.prefer import PreferencesParameter
from ragline.jobs.accepted import answer_accepted

router = APIRouter(prefix="/v1", tags=["documents"])

_UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                        },
                        "title": {"type": "string", "maxLength": 500},
                        "external_id": {"type": "string", "maxLength": 500},
                        "metadata": {"type": "string", "description": "A JSON object."},
                        "clean": {"type": "boolean"},
                    },
                }
            },
            "application/json": {
                "schema": TextDocument.model_json_schema(
                    ref_template="#/components/schemas/{model}"
                )
            },
        },
    }
}


async def gathering_of(request: Request) -> Gathering:
    """Return what takes the documents of this process's requests."""
    gathering: Gathering = request.app.state.gathering
    return gathering


GatheringParameter = Annotated[Gathering, Depends(gathering_of)]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.post(
    "/projects/{project_id}/documents",
    status_code=202,
    response_model=Accepted,
    responses={200: {"model": Accepted, "description": "All of it was there already."}},
    openapi_extra=_UPLOAD_BODY,
)
async def upload(
    project_id: str,
    request: Request,
    response: Response,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    preferences: PreferencesParameter,
    gathering: GatheringParameter,
    idempotency_key: KeyHeader = None,
) -> Accepted:
    """Upload files (multipart) or a text (JSON); each becomes a document and a job."""
    if receiving.content_kind(request) == "json":
        body = await receiving.receive_text(request)
        text = storing.text_upload(
            body.text, title=body.title, external_id=body.external_id, metadata=body.metadata
        )
        submission = await run_in_threadpool(
            storing.submit,
            runtime,
            [text],
            wishes=body.wishes,
            key=idempotency_key,
            clean=body.clean,
        )
        accepted = await gathering.accept(caller.tenant_id, project_id, submission)
        return await answer_accepted(runtime, caller, accepted, preferences, response)
    form, files, fields = await receiving.receive_files(
        request, most_files=runtime.settings.max_files_per_upload
    )
    try:
        if fields.external_id is not None and len(files) > 1:
            raise InvalidInput(
                "An external id names one document: send files with external ids one by one."
            )
        uploads = [
            storing.Upload(
                file.stream, file.filename, fields.title, fields.external_id, fields.metadata
            )
            for file in files
        ]
        submission = await run_in_threadpool(
            storing.submit,
            runtime,
            uploads,
            wishes=fields.wishes,
            key=idempotency_key,
            clean=fields.clean,
        )
        accepted = await gathering.accept(caller.tenant_id, project_id, submission)
    finally:
        await form.close()
    return await answer_accepted(runtime, caller, accepted, preferences, response)


@router.get("/projects/{project_id}/documents")
def documents(
    project_id: str,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    limit: Limit = 50,
    after: str | None = None,
) -> DocumentList:
    """List a project's documents, oldest first."""
    found, more = reading.list_documents(runtime, caller, project_id, limit=limit, after=after)
    return DocumentList(documents=[view_of(*item) for item in found], has_more=more)


@router.get("/documents/{document_id}")
def document(document_id: str, runtime: RuntimeParameter, caller: CallerParameter) -> DocumentView:
    """Return a document."""
    return view_of(*reading.get_document(runtime, caller, document_id))


@router.patch(
    "/documents/{document_id}",
    status_code=202,
    response_model=Accepted,
    responses={200: {"model": Accepted, "description": "There is nothing to be built."}},
)
async def change(
    document_id: str,
    body: DocumentChange,
    response: Response,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    preferences: PreferencesParameter,
) -> Accepted:
    """Change title, metadata or external id; the first two are a newer version, with a job."""
    accepted = await run_in_threadpool(changing.change_document, runtime, caller, document_id, body)
    return await answer_accepted(runtime, caller, accepted, preferences, response)


@router.delete("/documents/{document_id}")
def delete(document_id: str, runtime: RuntimeParameter, caller: EditorParameter) -> Receipt:
    """Delete a document everywhere; the answer is the receipt."""
    return deletion.delete_document(runtime, caller, document_id)


@router.get("/documents/{document_id}/pages")
def pages(
    document_id: str,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    limit: Limit = 50,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> PageList:
    """List a document's pages with their texts and who read them."""
    found, more = reading.list_pages(runtime, caller, document_id, limit=limit, after=after)
    views = [
        PageView(
            number=page.number,
            text=text,
            engine=page.engine,
            failed_engines=page.failed_engines,
            characters=page.characters,
            confidence=page.confidence,
            seconds=page.seconds,
            cost=page.cost,
        )
        for page, text in found
    ]
    return PageList(pages=views, has_more=more)


@router.get("/documents/{document_id}/chunks")
def chunks(
    document_id: str,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    limit: Limit = 50,
    after: Annotated[int, Query(ge=-1, le=2**31 - 1)] = -1,
) -> ChunkList:
    """List the passages of a document's published version."""
    found, more = reading.list_chunks(runtime, caller, document_id, limit=limit, after=after)
    views = [
        ChunkView(
            id=chunk.id,
            ordinal=chunk.ordinal,
            text=chunk.text,
            heading=chunk.heading,
            page_start=chunk.page_start,
            page_end=chunk.page_end,
            language=chunk.language,
        )
        for chunk in found
    ]
    return ChunkList(chunks=views, has_more=more)


@router.get("/documents/{document_id}/file", response_class=FileResponse)
def file(document_id: str, runtime: RuntimeParameter, caller: CallerParameter) -> Response:
    """Return the file as it was uploaded."""
    found, content = reading.file_of(runtime, caller, document_id)
    # Never shown inside our own origin: an uploaded HTML page could carry a script.
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f"attachment; filename*=utf-8''{quote(found.filename)}",
    }
    if isinstance(content, Path):
        return FileResponse(content, media_type=found.media_type, headers=headers)
    headers["Content-Length"] = str(content.size)
    return StreamingResponse(content.pieces, media_type=found.media_type, headers=headers)
