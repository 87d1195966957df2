"""Files of vector stores, alone and in batches, over HTTP as OpenAI's clients ask for them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from ragline.accounts.access import CallerParameter, EditorParameter, RuntimeParameter
from ragline.http.idempotency import KeyHeader
from ragline.openai_api import batches, store_files
from ragline.openai_api.schemas import Deleted, ObjectList, page
from ragline.openai_api.store_schemas import (
    BatchObject,
    BatchRequest,
    FileChange,
    FileRequest,
    FileTextPage,
    StoreFileListing,
    StoreFileObject,
)

# Clients that poll ask again after this long, unless they know better; most files take less
# than their own second.
POLL_AFTER = {"openai-poll-after-ms": "200"}

router = APIRouter(prefix="/v1/vector_stores/{store_id}", tags=["openai"])
ListingParameter = Annotated[StoreFileListing, Query()]


@router.post("/files")
def add(
    store_id: str,
    body: FileRequest,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    idempotency_key: KeyHeader = None,
) -> StoreFileObject:
    """Put an uploaded file into a vector store."""
    return store_files.add_file(runtime, caller, store_id, body, key=idempotency_key)


@router.get("/files")
def files(
    store_id: str, runtime: RuntimeParameter, caller: CallerParameter, wanted: ListingParameter
) -> ObjectList[StoreFileObject]:
    """List the files of a vector store, newest first."""
    found, more = store_files.list_files(runtime, caller, store_id, wanted)
    return page(found, has_more=more)


@router.get("/files/{file_id}")
def file(
    store_id: str,
    file_id: str,
    response: Response,
    runtime: RuntimeParameter,
    caller: CallerParameter,
) -> StoreFileObject:
    """Return a file of a vector store."""
    response.headers.update(POLL_AFTER)
    return store_files.get_file(runtime, caller, store_id, file_id)


@router.post("/files/{file_id}")
def change(
    store_id: str,
    file_id: str,
    body: FileChange,
    runtime: RuntimeParameter,
    caller: EditorParameter,
) -> StoreFileObject:
    """Give a file other attributes."""
    return store_files.change_file(runtime, caller, store_id, file_id, body.attributes)


@router.delete("/files/{file_id}")
def remove(
    store_id: str, file_id: str, runtime: RuntimeParameter, caller: EditorParameter
) -> Deleted:
    """Take a file out of a vector store; an uploaded file itself stays."""
    store_files.remove_file(runtime, caller, store_id, file_id)
    return Deleted(id=file_id, object="vector_store.file.deleted")


@router.get("/files/{file_id}/content")
def content(
    store_id: str, file_id: str, runtime: RuntimeParameter, caller: CallerParameter
) -> FileTextPage:
    """Return a file's text, page by page."""
    return FileTextPage(data=store_files.read_file(runtime, caller, store_id, file_id))


@router.post("/file_batches")
def add_batch(
    store_id: str,
    body: BatchRequest,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    idempotency_key: KeyHeader = None,
) -> BatchObject:
    """Put several uploaded files into a vector store."""
    return batches.add_batch(runtime, caller, store_id, body.wanted, key=idempotency_key)


@router.get("/file_batches/{batch_id}")
def batch(
    store_id: str,
    batch_id: str,
    response: Response,
    runtime: RuntimeParameter,
    caller: CallerParameter,
) -> BatchObject:
    """Return a batch."""
    response.headers.update(POLL_AFTER)
    return batches.get_batch(runtime, caller, store_id, batch_id)


@router.post("/file_batches/{batch_id}/cancel")
def cancel_batch(
    store_id: str, batch_id: str, runtime: RuntimeParameter, caller: EditorParameter
) -> BatchObject:
    """Cancel what of a batch is not done."""
    return batches.cancel_batch(runtime, caller, store_id, batch_id)


@router.get("/file_batches/{batch_id}/files")
def batch_files(
    store_id: str,
    batch_id: str,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    wanted: ListingParameter,
) -> ObjectList[StoreFileObject]:
    """List the files of a batch, newest first."""
    found, more = batches.list_batch(runtime, caller, store_id, batch_id, wanted)
    return page(found, has_more=more)
