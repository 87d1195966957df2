"""A question of OpenAI's interface and its answer: searched for, told in pieces, cited."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.chat import admission
from ragline.chat.answering import stream_from
from ragline.chat.asking import Searches, ask_of
from ragline.chat.cache.service import keep
from ragline.chat.history import cut
from ragline.chat.paid import add
from ragline.chat.pairs import stored_answer
from ragline.chat.question import Question
from ragline.chat.rendering import Rendering, rendered
from ragline.chat.reranking import reranked_now
from ragline.chat.retrieving import retrieve
from ragline.chat.schemas import ChatAnswer, UsageView
from ragline.chat.service import look
from ragline.chat.sources import Source
from ragline.jobs.turnstile import Turnstile
from ragline.models import Document, StoreFile
from ragline.openai_api.ids import shown
from ragline.openai_api.responses_objects import Found, Said

_MARKER = re.compile(r"\[(\d{1,3})\]")
Piece = Found | str | Said


@dataclass(frozen=True, slots=True)
class File:
    """A document as OpenAI's clients know it."""

    id: str
    name: str
    attributes: Mapping[str, Any]


@contextmanager
def admitted(runtime: Runtime) -> Iterator[None]:
    """Count a question while it is answered, or raise `Overloaded` where it is one too many."""
    with admission.counted(runtime):
        admission.refuse_crowd(runtime)
        yield


def write(
    runtime: Runtime,
    caller: Caller,
    question: Question,
    turnstile: Turnstile,
) -> Generator[Piece, None, None]:
    """Yield what a search found, the answer in pieces, and last the answer as a whole.

    An answer that is kept comes without a search. Closing it ends the model's call. Raises what
    a model raises, and `NotFound` where the projects were deleted.
    """
    if question.agent_id is not None:
        given = stored_answer(runtime, question.agent_id, question.text)
        if given is not None:
            yield said_of(runtime, given)
            return
    looked = look(runtime, caller, question)
    if looked.answer is not None:
        yield said_of(runtime, looked.answer)
        return
    for piece in _written(runtime, caller, question, turnstile):
        if isinstance(piece, ChatAnswer):
            keep(runtime, caller.tenant_id, looked.place, question, piece)
            safe = piece.model_copy(update={"answer": rendered(piece.answer)})
            yield said_of(runtime, safe)
        else:
            yield piece


def _written(
    runtime: Runtime,
    caller: Caller,
    question: Question,
    turnstile: Turnstile,
) -> Generator[Found | str | ChatAnswer, None, None]:
    history = cut(question.history, question.history_tokens)
    searches = _PaidSearches()
    asking = Searches(runtime, question, history, turnstile, searches)
    again = reranked_now(runtime, searches.usages)
    retrieval = retrieve(runtime, caller.tenant_id, question, asking, reranking=again)
    passages = retrieval.sources
    yield Found(retrieval.queries, results_of(runtime, passages))
    rendering = Rendering()
    ask = ask_of(question, history)
    with closing(stream_from(runtime, ask, passages, turnstile)) as pieces:
        for piece in pieces:
            if isinstance(piece, str):
                if words := rendering.feed(piece):
                    yield words
            else:
                if words := rendering.end():
                    yield words
                for usage in searches.usages:
                    add(piece.usage, usage)
                yield piece


class _PaidSearches:
    """Has searches made, and keeps what each of the calls took."""

    def __init__(self) -> None:
        self.usages: list[UsageView] = []

    def __call__(
        self, _other_words: bool, make: Callable[[], tuple[tuple[str, ...], UsageView]]
    ) -> tuple[str, ...]:
        queries, usage = make()
        self.usages.append(usage)
        return queries


def said_of(runtime: Runtime, answer: ChatAnswer) -> Said:
    """Return an answer with what its clients are told beside its words."""
    files = files_of(runtime, [each.document_id for each in answer.citations])
    return Said(
        answer.answer,
        citations(answer, files),
        answer.usage.prompt_tokens,
        answer.usage.completion_tokens,
        truncated=answer.truncated,
    )


def citations(answer: ChatAnswer, files: Mapping[str, File]) -> list[dict[str, Any]]:
    """Return a citation for each marker in an answer's words, at its place.

    What is cited without a marker is told at the end of the words.
    """
    places = [
        (found.start(), int(found[1]) - 1)
        for found in _MARKER.finditer(answer.answer)
        if 1 <= int(found[1]) <= len(answer.citations)
    ]
    marked = {number for _, number in places}
    end = len(answer.answer)
    places += [(end, n) for n in range(len(answer.citations)) if n not in marked]
    return [_annotation(answer, files, index, number) for index, number in places]


def results_of(runtime: Runtime, passages: Sequence[Source]) -> list[dict[str, Any]]:
    """Return passages as a search of files tells them."""
    files = files_of(runtime, [passage.document_id for passage in passages])
    return [
        {
            "file_id": files[passage.document_id].id,
            "filename": files[passage.document_id].name,
            "score": passage.score,
            "text": passage.text,
            "attributes": dict(files[passage.document_id].attributes),
        }
        for passage in passages
        if passage.document_id in files
    ]


def files_of(runtime: Runtime, document_ids: Sequence[str]) -> dict[str, File]:
    """Return documents as files: by the file they came from, else by an id of their own."""
    ids = list(set(document_ids))
    if not ids:
        return {}
    with runtime.database.read() as session:
        came_as = {
            row.document_id: row.file_id for row in session.execute(_CAME_AS, {"document_ids": ids})
        }
        rows = session.execute(_DOCUMENTS, {"document_ids": ids}).all()
    return {
        row.id: File(shown("file-", came_as.get(row.id, row.id)), row.filename, row.metadata)
        for row in rows
    }


def _annotation(
    answer: ChatAnswer, files: Mapping[str, File], index: int, number: int
) -> dict[str, Any]:
    cited = answer.citations[number]
    gone = File(shown("file-", cited.document_id), cited.title, {})
    file = files.get(cited.document_id, gone)
    return {
        "type": "file_citation",
        "index": index,
        "file_id": file.id,
        "filename": file.name,
        "quote": cited.quote,
        "page": cited.page,
    }


_CAME_AS = (
    sa.select(StoreFile.document_id, sa.func.min(StoreFile.file_id).label("file_id"))
    .where(StoreFile.document_id.in_(sa.bindparam("document_ids", expanding=True)))
    .group_by(StoreFile.document_id)
)
_DOCUMENTS = sa.select(Document.id, Document.filename, Document.metadata_.label("metadata")).where(
    Document.id.in_(sa.bindparam("document_ids", expanding=True))
)
