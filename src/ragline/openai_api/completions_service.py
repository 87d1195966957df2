"""A chat completion: what is asked of whom, and the answer written once for each key."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.chat.cache.control import CacheWish
from ragline.chat.cache.service import asked_with
from ragline.chat.question import Question
from ragline.http.idempotency import Once, once
from ragline.models import new_id, now
from ragline.openai_api.completions_asking import admitted, write
from ragline.openai_api.completions_conversation import conversation, in_words_of
from ragline.openai_api.completions_objects import CompletionHead
from ragline.openai_api.completions_running import Wanted
from ragline.openai_api.completions_schemas import CompletionRequest
from ragline.openai_api.completions_target import question_for
from ragline.openai_api.errors import refused
from ragline.openai_api.responses_objects import Found, Said
from ragline.openai_api.schemas import unix


class Kept(BaseModel):
    """A completion that is given again under its key."""

    id: str
    created: int
    said: dict[str, Any]


class _NotYet(Exception):
    """Nothing was answered under this key."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A completion to be written, or one that was written before under the same key."""

    head: CompletionHead
    question: Question
    key: Once
    said: Said | None


def prepare(
    runtime: Runtime, caller: Caller, body: CompletionRequest, *, wish: CacheWish, key: str | None
) -> Prepared:
    """Find out what is asked of whom.

    Raises:
        ModelNotFound: nothing of the caller's has this name.
        RequestValidationError: a parameter cannot be honoured.
        KeyReused: the key was used for another request.
    """
    if body.stream_options is not None and not body.stream:
        raise refused("stream_options", "is for streams: send stream: true with it")
    request = Once(caller.tenant_id, key, ("completion", _decisive(body)))
    kept = _kept(runtime, request)
    if kept is not None:
        head = CompletionHead(kept.id, kept.created, body.model)
        return Prepared(head, Question("", ()), request, Said(**kept.said))
    said = conversation(body.messages, parameter="messages")
    question = in_words_of(question_for(runtime, caller, body.model, said.question), said)
    question = replace(
        question,
        most_tokens=body.most_tokens or question.most_tokens,
        temperature=question.temperature if body.temperature is None else body.temperature,
    )
    question = asked_with(question, wish)
    head = CompletionHead("chatcmpl-" + new_id(), unix(now()), body.model)
    return Prepared(head, question, request, None)


def answer(
    runtime: Runtime, caller: Caller, prepared: Prepared, wanted: Wanted
) -> Generator[str | Said, None, None]:
    """Yield the answer in pieces, and last as a whole, which is kept under its key."""
    if prepared.said is not None:
        yield prepared.said
        return
    with admitted(runtime):
        for piece in write(runtime, caller, prepared.question, wanted.turnstile()):
            if isinstance(piece, Said):
                _keep(runtime, prepared, piece)
            if not isinstance(piece, Found):
                yield piece


def _decisive(body: CompletionRequest) -> dict[str, Any]:
    """Return what of a request decides its answer; streamed or not, it is the same one."""
    return body.model_dump(mode="json", exclude={"stream", "stream_options"})


def _kept(runtime: Runtime, request: Once) -> Kept | None:
    def nothing() -> Kept:
        raise _NotYet

    if request.key is None:
        return None
    try:
        return once(runtime.database, request, Kept, nothing)
    except _NotYet:
        return None


def _keep(runtime: Runtime, prepared: Prepared, said: Said) -> None:
    if prepared.key.key is None:
        return
    fields = {name: getattr(said, name) for name in Said.__dataclass_fields__}
    kept = Kept(id=prepared.head.id, created=prepared.head.created, said=fields)
    once(runtime.database, prepared.key, Kept, lambda: kept)
