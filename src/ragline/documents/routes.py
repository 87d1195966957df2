"""Documents over HTTP: upload, look, read back, delete."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse

from ragline.accounts.access import CallerParameter, EditorParameter, RuntimeParameter
from ragline.documents import deletion, reading, receiving, service
from ragline.documents.schemas import (
    Accepted,
    ChunkList,
    ChunkView,
    DocumentList,
    DocumentView,
    PageList,
    PageView,
    Receipt,
    RejectedFile,
    TextDocument,
)
from ragline.models import Document

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
) -> Accepted:
    """Upload files (multipart) or a text (JSON); each becomes a document and a job."""
    if receiving.content_kind(request) == "json":
        body = await receiving.receive_text(request)
        uploads = [
            service.text_upload(
                body.text, title=body.title, external_id=body.external_id, metadata=body.metadata
            )
        ]
        accepted = await run_in_threadpool(
            service.accept_uploads, runtime, caller, project_id, uploads
        )
        return _answer(accepted, response)
    form, files, fields = await receiving.receive_files(
        request, most_files=runtime.settings.max_files_per_upload
    )
    try:
        uploads = [
            service.Upload(
                file.stream, file.filename, fields.title, fields.external_id, fields.metadata
            )
            for file in files
        ]
        accepted = await run_in_threadpool(
            service.accept_uploads, runtime, caller, project_id, uploads
        )
    finally:
        await form.close()
    return _answer(accepted, response)


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
    return DocumentList(documents=[_view(*item) for item in found], has_more=more)


@router.get("/documents/{document_id}")
def document(document_id: str, runtime: RuntimeParameter, caller: CallerParameter) -> DocumentView:
    """Return a document."""
    return _view(*reading.get_document(runtime, caller, document_id))


@router.delete("/documents/{document_id}")
def delete(document_id: str, runtime: RuntimeParameter, caller: EditorParameter) -> Receipt:
    """Delete a document everywhere; the answer is the receipt."""
    removed = deletion.delete_document(runtime, caller, document_id)
    return Receipt(document_id=document_id, removed=removed)


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
def file(document_id: str, runtime: RuntimeParameter, caller: CallerParameter) -> FileResponse:
    """Return the file as it was uploaded."""
    found, path = reading.file_of(runtime, caller, document_id)
    # Never shown inside our own origin: an uploaded HTML page could carry a script.
    return FileResponse(
        path,
        media_type=found.media_type,
        filename=found.filename,
        headers={"X-Content-Type-Options": "nosniff"},
    )


def _answer(accepted: service.Acceptance, response: Response) -> Accepted:
    if accepted.job is None:
        response.status_code = 200
    else:
        response.headers["Location"] = f"/v1/jobs/{accepted.job.id}"
    return Accepted(
        job=accepted.job,
        documents=[_view(*item) for item in accepted.documents],
        rejected=[RejectedFile(filename=name, problem=p) for name, p in accepted.rejected],
    )


def _view(document: Document, status: str) -> DocumentView:
    return DocumentView(
        id=document.id,
        project_id=document.project_id,
        title=document.title,
        filename=document.filename,
        external_id=document.external_id,
        media_type=document.media_type,
        size_bytes=document.size_bytes,
        pages=document.page_count,
        language=document.language,
        metadata=document.metadata_,
        status=status,
        searchable=document.published_version is not None,
        created_at=document.created_at,
    )
