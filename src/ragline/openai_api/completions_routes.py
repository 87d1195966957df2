"""Chat completions: a question with its conversation, answered while the client waits."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from starlette.responses import StreamingResponse

from ragline.accounts.access import CallerParameter, RuntimeParameter
from ragline.chat.cache.control import CacheWishParameter
from ragline.errors import RaglineError
from ragline.http.idempotency import KeyHeader
from ragline.http.under_way import waits_for_work
from ragline.jobs.event_hub import HEADERS, HEARTBEAT, MEDIA_TYPE
from ragline.openai_api import completions_service as service
from ragline.openai_api.completions_objects import CompletionHead, frame
from ragline.openai_api.completions_running import Running, first_of
from ragline.openai_api.completions_schemas import Completion, CompletionRequest
from ragline.openai_api.errors import error_of
from ragline.openai_api.responses_objects import Said

log = structlog.get_logger()
router = APIRouter(prefix="/v1/chat", tags=["openai"])
Pieces = AsyncGenerator[str | Said | None, None]


@router.post("/completions", response_model=Completion)
async def complete(
    body: CompletionRequest,
    request: Request,
    runtime: RuntimeParameter,
    caller: CallerParameter,
    wish: CacheWishParameter,
    idempotency_key: KeyHeader = None,
) -> Response:
    """Answer the last message from the documents of an agent or a project, with citations.

    With `stream` the answer is sent in chunks as it is written, ended by `data: [DONE]`.
    """
    prepare = partial(service.prepare, runtime, caller, body, wish=wish, key=idempotency_key)
    prepared = await run_in_threadpool(prepare)
    answer = partial(service.answer, runtime, caller, prepared)
    pieces = Running(answer, request.app.state.chat_limiter).pieces()
    if not body.stream:
        said = await _last(pieces)
        return JSONResponse(prepared.head.completion(said, body.metadata))
    # What goes wrong before the first word has a status of its own.
    pieces = await first_of(pieces)
    waits_for_work(request.scope)
    include_usage = body.stream_options is not None and body.stream_options.include_usage
    chunks = _chunks(prepared.head, pieces, include_usage=include_usage)
    return StreamingResponse(chunks, headers=HEADERS, media_type=MEDIA_TYPE)


async def _last(pieces: Pieces) -> Said:
    async with aclosing(pieces):
        async for piece in pieces:
            if isinstance(piece, Said):
                return piece
    raise RuntimeError("An answer ended without its last piece.")


async def _chunks(
    head: CompletionHead, pieces: Pieces, *, include_usage: bool
) -> AsyncGenerator[bytes, None]:
    """Yield the chunks of an answer; what goes wrong on the way is the last one."""
    yield head.begin()
    words = ""
    async with aclosing(pieces):
        try:
            async for piece in pieces:
                if piece is None:
                    yield HEARTBEAT
                elif isinstance(piece, str):
                    words += piece
                    yield head.chunk({"content": piece})
                else:
                    if rest := piece.text.removeprefix(words):
                        yield head.chunk({"content": rest})
                    for chunk in head.end(piece, include_usage=include_usage):
                        yield chunk
        except RaglineError as error:
            yield frame(error_of(error))
        # The status is sent already: this is the only way left to say so.
        except Exception as error:
            log.error("completion.broken", exc_info=error)
            yield frame(error_of(RaglineError("Something went wrong here; the log says more.")))
