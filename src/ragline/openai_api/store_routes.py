"""Vector stores over HTTP, as OpenAI's clients ask for them."""

from __future__ import annotations

import anyio
import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from ragline.accounts.access import CallerParameter, EditorParameter, RuntimeParameter
from ragline.http.idempotency import KeyHeader
from ragline.openai_api import finding, stores
from ragline.openai_api.schemas import Deleted, ListingParameter, ObjectList, page
from ragline.openai_api.store_schemas import StoreChange, StoreObject, StoreRequest

router = APIRouter(prefix="/v1/vector_stores", tags=["openai"])


@router.post("")
def create(
    body: StoreRequest,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    idempotency_key: KeyHeader = None,
) -> StoreObject:
    """Make a vector store, with the files it begins with."""
    return stores.create_store(runtime, caller, body, idempotency_key)


@router.get("")
def vector_stores(
    runtime: RuntimeParameter, caller: CallerParameter, wanted: ListingParameter
) -> ObjectList[StoreObject]:
    """List vector stores, newest first; every project is one."""
    found, more = stores.list_stores(runtime, caller, wanted)
    return page(found, has_more=more)


@router.get("/{store_id}")
def vector_store(store_id: str, runtime: RuntimeParameter, caller: CallerParameter) -> StoreObject:
    """Return a vector store."""
    return stores.get_store(runtime, caller, store_id)


@router.post("/{store_id}")
def change(
    store_id: str, body: StoreChange, runtime: RuntimeParameter, caller: EditorParameter
) -> StoreObject:
    """Change a vector store's name, metadata or expiry."""
    return stores.change_store(runtime, caller, store_id, body)


@router.delete("/{store_id}")
def delete(store_id: str, runtime: RuntimeParameter, caller: EditorParameter) -> Deleted:
    """Delete a vector store with all it holds; uploaded files stay."""
    stores.delete_store(runtime, caller, store_id)
    return Deleted(id=store_id, object="vector_store.deleted")


@router.post("/{store_id}/search")
async def search(
    store_id: str,
    body: finding.StoreSearch,
    request: Request,
    runtime: RuntimeParameter,
    caller: CallerParameter,
) -> finding.SearchPage:
    """Find the passages that answer a question best."""
    if not body.rewrite_query:
        return await run_in_threadpool(finding.search_store, runtime, caller, store_id, body)
    # A model may be asked first, which takes its time.
    return await anyio.to_thread.run_sync(
        finding.search_store,
        runtime,
        caller,
        store_id,
        body,
        limiter=request.app.state.chat_limiter,
    )
