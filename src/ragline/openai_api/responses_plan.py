"""What a request for a response asks: the question to answer, and what is kept of it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.chat.cache.control import ANY, CacheWish
from ragline.chat.cache.service import asked_with
from ragline.chat.history import estimated_tokens
from ragline.chat.question import Question
from ragline.models import StoredResponse, new_id, now
from ragline.openai_api import responses_history as history
from ragline.openai_api.completions_conversation import Message, conversation, in_words_of
from ragline.openai_api.completions_target import question_for
from ragline.openai_api.errors import refused
from ragline.openai_api.ids import own, shown
from ragline.openai_api.responses_objects import Head
from ragline.openai_api.responses_schemas import RESULTS, ResponseRequest
from ragline.openai_api.schemas import unix


@dataclass(frozen=True, slots=True)
class Plan:
    """A response to be made: its id and moment, the question, and what is kept of the request."""

    id: str
    at: datetime
    question: Question
    previous_id: str | None
    request: dict[str, Any]

    @property
    def head(self) -> Head:
        """What is known of the response from its start."""
        return head_of(self.id, self.at, self.request)

    def row(self, tenant_id: str, **fields: Any) -> StoredResponse:
        """Return the row that keeps it."""
        return StoredResponse(
            id=self.id,
            tenant_id=tenant_id,
            previous_id=self.previous_id,
            request=self.request,
            created_at=self.at,
            **fields,
        )


def head_of(
    response_id: str, at: datetime, request: dict[str, Any], *, include: Sequence[str] = ()
) -> Head:
    """Return what is known of a response from its start; `include` asks for more than it did."""
    wanted = {*request["include"], *include}
    return Head(
        shown("resp_", response_id),
        unix(at),
        request["told"],
        shows_search=_shows_search(request["told"]["tools"], wanted),
        shows_results=RESULTS in wanted,
    )


def plan(runtime: Runtime, caller: Caller, body: ResponseRequest, *, wish: CacheWish = ANY) -> Plan:
    """Find out what is asked of whom; an answer that is kept is not given where a search is told.

    Raises:
        ModelNotFound: nothing of the caller's has this name.
        NotFound: there is no such vector store.
        RequestValidationError: a parameter cannot be honoured.
    """
    if body.background and not body.store:
        raise refused("store", "must be true in the background, where the answer is kept for you")
    if body.stream_options is not None and not body.stream:
        raise refused("stream_options", "is for streams: send stream: true with it")
    messages = body.messages
    if not messages:
        raise refused("input", "holds no message; the last one is what is answered")
    before = _said_before(runtime, caller, body)
    said = conversation([*before, *messages], parameter="input")
    search = body.search
    stores = search.vector_store_ids if search else ()
    question = in_words_of(
        question_for(runtime, caller, body.model, said.question, stores=stores), said
    )
    question = _in_detail(asked_with(question, wish), body)
    if _shows_search(body.tools, body.include):
        question = replace(question, may_give=False)
    if body.truncation == "disabled":
        question = replace(question, history_tokens=_all_of_it(question))
    if body.instructions:
        wishes = [question.instructions, body.instructions]
        question = replace(question, instructions="\n\n".join(each for each in wishes if each))
    previous = body.previous_response_id
    return Plan(
        new_id(),
        now(),
        question,
        own("resp_", previous) if previous else None,
        kept_of(body),
    )


def _shows_search(tools: Sequence[Any], include: Container[str]) -> bool:
    """Tell whether a search is an item of its own, which those who asked for none do not expect."""
    return bool(tools) or RESULTS in include


def _said_before(runtime: Runtime, caller: Caller, body: ResponseRequest) -> Sequence[Message]:
    if body.previous_response_id is None:
        return []
    with runtime.database.read() as session:
        return history.said_before(
            session,
            caller.tenant_id,
            body.previous_response_id,
            truncated=body.truncation == "auto",
        )


def _all_of_it(question: Question) -> int:
    """Return the tokens of the whole history, or refuse it for them."""
    tokens = sum(estimated_tokens(turn.text) for turn in question.history)
    if tokens > history.MOST_TOKENS:
        raise refused(
            "input",
            f"has more than {history.MOST_TOKENS} tokens before its last message; send "
            "truncation: auto to leave out what is oldest",
        )
    return max(tokens, question.history_tokens)


def _in_detail(question: Question, body: ResponseRequest) -> Question:
    """Return a question with what the request says of its answer and its search."""
    changes: dict[str, Any] = {
        "most_tokens": body.max_output_tokens,
        "temperature": body.temperature,
    }
    if body.search is not None:
        changes["limit"] = body.search.max_num_results
        if body.search.filters is not None:
            changes["filter"] = body.search.filters.model_dump(mode="json")
        if body.search.ranking_options is not None:
            changes["least_score"] = body.search.ranking_options.score_threshold
    return replace(question, **{name: v for name, v in changes.items() if v is not None})


def kept_of(body: ResponseRequest) -> dict[str, Any]:
    """Return what is kept of a request: what its response repeats, and its messages."""
    told = {
        "background": body.background,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "metadata": body.metadata or {},
        "model": body.model,
        "parallel_tool_calls": True,
        "previous_response_id": body.previous_response_id,
        "store": body.store,
        "temperature": body.temperature,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [tool.model_dump(mode="json", exclude_none=True) for tool in body.tools],
        "top_p": 1.0,
        "truncation": body.truncation,
        "user": body.user,
    }
    messages = [
        {
            "role": each.role,
            "content": [{"type": part.type, "text": part.text} for part in each.content],
        }
        for each in body.messages
    ]
    return {"told": told, "input": messages, "include": list(body.include)}
