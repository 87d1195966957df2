"""Imports over HTTP: archives, tables, reference libraries, and folders of the server."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from ragline.accounts.access import EditorParameter, RuntimeParameter
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.documents import receiving as bodies
from ragline.http.idempotency import KeyHeader
from ragline.http.problems import not_json
from ragline.imports import service
from ragline.imports.dry_run import dry_run
from ragline.imports.names import flaw_of, plain
from ragline.imports.receiving import Given, Received, forget, receive_files, receive_folder
from ragline.imports.reindexing import accept_reindexing
from ragline.imports.schemas import DryRun, FolderImport, ImportAccepted, ImportFields

router = APIRouter(prefix="/v1", tags=["imports"])

_BODY: dict[str, Any] = {
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
                            "description": "A ZIP archive, a CSV table, an export of a reference "
                            "library, or several files. A file name may be a relative path.",
                        },
                        "text_column": {"type": "string", "maxLength": 200},
                        "id_column": {"type": "string", "maxLength": 200},
                        "title_column": {"type": "string", "maxLength": 200},
                        "prefix": {"type": "string", "maxLength": 100},
                        "priority": {"type": "integer"},
                        "not_before": {"type": "string", "format": "date-time"},
                        "tags": {"type": "array", "items": {"type": "string"}},
                        "clean": {"type": "boolean"},
                        "products": {"type": "boolean"},
                        "dry_run": {"type": "boolean"},
                    },
                }
            },
            "application/json": {
                "schema": FolderImport.model_json_schema(
                    ref_template="#/components/schemas/{model}"
                )
            },
        },
    }
}
DryRunWanted = Annotated[
    bool, Query(alias="dry_run", description="Say what the import would do, and do nothing.")
]


@router.post(
    "/projects/{project_id}/imports",
    status_code=202,
    response_model=ImportAccepted | DryRun,
    responses={200: {"model": DryRun, "description": "What the import would do."}},
    openapi_extra=_BODY,
)
async def start(
    project_id: str,
    request: Request,
    response: Response,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    wants_dry_run: DryRunWanted = False,
    idempotency_key: KeyHeader = None,
) -> ImportAccepted | DryRun:
    """Import files (multipart) or a folder of the server (JSON): one job, a child a document."""
    await run_in_threadpool(service.require_project, runtime, caller, project_id)
    if bodies.content_kind(request) == "json":
        fields: ImportFields = await _folder(request)
        received = await run_in_threadpool(_received_folder, runtime, fields)
        form = None
    else:
        form, given, fields = await _files(request, runtime.settings.max_files_per_upload)
    try:
        if form is not None:
            received = await run_in_threadpool(receive_files, runtime, given, fields.options)
        answer = await run_in_threadpool(
            _answer,
            runtime,
            caller,
            project_id,
            received,
            fields.model_copy(update={"dry_run": fields.dry_run or wants_dry_run}),
            idempotency_key,
        )
    finally:
        if form is not None:
            await form.close()
    if isinstance(answer, DryRun):
        response.status_code = 200
    else:
        response.headers["Location"] = f"/v1/jobs/{answer.job.id}"
    return answer


@router.post("/projects/{project_id}/images/reindex", status_code=202, tags=["images"])
def reindex_images(
    project_id: str,
    response: Response,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    idempotency_key: KeyHeader = None,
) -> ImportAccepted:
    """Build products again whose vectors are an earlier model's: one job, a child a product."""
    accepted = accept_reindexing(runtime, caller, project_id, key=idempotency_key)
    response.headers["Location"] = f"/v1/jobs/{accepted.job.id}"
    return accepted


def _answer(
    runtime: Runtime,
    caller: Caller,
    project_id: str,
    received: Received,
    fields: ImportFields,
    key: str | None,
) -> ImportAccepted | DryRun:
    if not fields.dry_run:
        return service.accept(
            runtime,
            caller,
            project_id,
            received,
            wishes=fields.wishes,
            key=key,
            clean=fields.clean,
            products=fields.products,
        )
    try:
        return dry_run(runtime, caller, project_id, received, products=fields.products)
    finally:
        forget(runtime, received.files)


async def _folder(request: Request) -> FolderImport:
    try:
        body = await request.json()
    except (ValueError, RecursionError) as error:
        raise not_json(error) from None
    return bodies.validated(FolderImport, body)


def _received_folder(runtime: Runtime, fields: ImportFields) -> Received:
    assert isinstance(fields, FolderImport), "it came as JSON"
    return receive_folder(runtime, fields.folder, fields.options)


async def _files(request: Request, most: int) -> tuple[FormData, list[Given], ImportFields]:
    """Read a form; the caller closes it."""
    form, files, raw = await bodies.receive_form(request, most_files=most)
    try:
        paths = [each.filename for _, each in form.multi_items() if isinstance(each, UploadFile)]
        given = [
            Given(_path(path or "", file.filename), file.stream)
            for path, file in zip(paths, files, strict=True)
        ]
        # A form repeats a field where JSON has a list.
        if "tags" in raw:
            raw["tags"] = [str(tag) for tag in form.getlist("tags")]
        return form, given, bodies.validated(ImportFields, raw)
    except BaseException:
        await form.close()
        raise


def _path(path: str, name: str) -> str:
    """Return where a file stands among those sent with it, or its name alone."""
    return name if flaw_of(path) or len(path) > 500 or not path.isprintable() else plain(path)
