"""Products over HTTP: send, look, search by picture and words, delete."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import anyio
import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, StreamingResponse

from ragline.accounts.access import CallerParameter, EditorParameter, RuntimeParameter
from ragline.blobs import Stream
from ragline.documents.receiving import content_kind, receive_form, validated
from ragline.http.idempotency import KeyHeader
from ragline.http.prefer import PreferencesParameter
from ragline.images import deletion, reading, service, storing
from ragline.images.schemas import (
    ProductAccepted,
    ProductBody,
    ProductList,
    ProductReceipt,
    ProductView,
)
from ragline.images.search import search_products
from ragline.images.search_schemas import (
    ProductSearchAnswer,
    SearchBody,
    SearchFields,
    from_form,
)
from ragline.jobs.accepted import answer_accepted

router = APIRouter(prefix="/v1/projects/{project_id}/images", tags=["images"])

_REF = "#/components/schemas/{model}"
_BINARY = {"type": "string", "format": "binary"}
_PRODUCT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["product_id"],
                    "properties": {
                        "image": _BINARY,
                        "product_id": {"type": "string", "maxLength": 200},
                        "name": {"type": "string", "maxLength": 500},
                        "description": {"type": "string", "maxLength": 20_000},
                        "metadata": {"type": "string", "description": "A JSON object."},
                    },
                }
            },
            "application/json": {"schema": ProductBody.model_json_schema(ref_template=_REF)},
        },
    }
}
_SEARCH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": SearchBody.model_json_schema(ref_template=_REF)},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "image": _BINARY,
                        "query": {"type": "string"},
                        "weights": {"type": "string", "description": "A JSON object."},
                        "limit": {"type": "integer"},
                        "filter": {"type": "string", "description": "A JSON object."},
                    },
                }
            },
        },
    }
}
Limit = Annotated[int, Query(ge=1, le=200)]


@router.post(
    "",
    status_code=202,
    response_model=ProductAccepted,
    responses={200: {"model": ProductAccepted, "description": "All of it was there already."}},
    openapi_extra=_PRODUCT_BODY,
)
async def send(
    project_id: str,
    request: Request,
    response: Response,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    preferences: PreferencesParameter,
    idempotency_key: KeyHeader = None,
) -> ProductAccepted:
    """Send a product with its picture, or change one; it becomes searchable by a job."""
    service.refuse_without_model(runtime)
    form, file, fields = await storing.receive_product(request)

    def accept() -> ProductAccepted:
        picture = None if file is None else storing.store(runtime, file)
        submission = service.Submission(fields, picture, idempotency_key)
        return service.accept(runtime, caller.tenant_id, project_id, submission)

    try:
        accepted = await run_in_threadpool(accept)
    finally:
        if form is not None:
            await form.close()
    return await answer_accepted(runtime, caller, accepted, preferences, response)


@router.get("")
def products(
    project_id: str,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    limit: Limit = 50,
    after: str | None = None,
) -> ProductList:
    """List a project's products, oldest first."""
    found, more = reading.list_products(runtime, caller, project_id, limit=limit, after=after)
    return ProductList(images=found, has_more=more)


@router.post("/search", openapi_extra=_SEARCH_BODY)
async def search(
    project_id: str, request: Request, runtime: RuntimeParameter, caller: CallerParameter
) -> ProductSearchAnswer:
    """Find products by a picture, by words, or by both."""
    fields, picture = await _searched_for(request)

    def find() -> ProductSearchAnswer:
        return ProductSearchAnswer(
            hits=search_products(runtime, caller, project_id, fields, picture)
        )

    # A slow model must not take the threads that all other requests need.
    return await anyio.to_thread.run_sync(find, limiter=request.app.state.chat_limiter)


@router.get("/{product_id}")
def product(
    project_id: str, product_id: str, runtime: RuntimeParameter, caller: CallerParameter
) -> ProductView:
    """Return a product."""
    return reading.get_product(runtime, caller, project_id, product_id)


@router.delete("/{product_id}")
def delete(
    project_id: str, product_id: str, runtime: RuntimeParameter, caller: EditorParameter
) -> ProductReceipt:
    """Delete a product everywhere; the answer is the receipt."""
    return deletion.delete_product(runtime, caller, project_id, product_id)


@router.get("/{product_id}/thumbnail", response_class=FileResponse)
def thumbnail(
    project_id: str, product_id: str, runtime: RuntimeParameter, caller: CallerParameter
) -> Response:
    """Return a small JPEG of a product's picture, made here and without metadata."""
    media_type, content = reading.thumbnail_of(runtime, caller, project_id, product_id)
    return _sent(content, media_type, {"Content-Disposition": "inline"})


@router.get("/{product_id}/file", response_class=FileResponse)
def file(
    project_id: str, product_id: str, runtime: RuntimeParameter, caller: CallerParameter
) -> Response:
    """Return a product's picture as it was sent."""
    media_type, content = reading.picture_of(runtime, caller, project_id, product_id)
    name = f"{product_id}.{media_type.rpartition('/')[2]}"
    # Never shown inside our own origin: behind a picture's first bytes may stand anything.
    return _sent(
        content,
        media_type,
        {"Content-Disposition": f"attachment; filename*=utf-8''{quote(name, safe='')}"},
    )


async def _searched_for(request: Request) -> tuple[SearchFields, bytes | None]:
    if content_kind(request) == "json":
        body = validated(SearchBody, storing.from_json(await request.body()))
        return body.fields, body.picture
    form, files, given = await receive_form(request, most_files=1, field="image", needs_file=False)
    try:
        fields = validated(SearchFields, from_form(given))
        picture = files[0].stream.read() if files else None
    finally:
        await form.close()
    return fields, picture


def _sent(content: Path | Stream, media_type: str, headers: dict[str, str]) -> Response:
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        **headers,
    }
    if isinstance(content, Path):
        return FileResponse(content, media_type=media_type, headers=headers)
    headers["Content-Length"] = str(content.size)
    return StreamingResponse(content.pieces, media_type=media_type, headers=headers)
