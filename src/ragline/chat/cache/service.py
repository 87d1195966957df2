"""Looking for a kept answer, and keeping one.

The versions of the projects are read before anything is searched for. Where documents change
meanwhile, the answer is kept under versions that nobody asks for any more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import sqlalchemy as sa
from pydantic import ValidationError

from ragline.bootstrap import Runtime
from ragline.chat.cache.control import CacheWish
from ragline.chat.cache.likeness import same_demand
from ragline.chat.cache.lookups import Lookups, Result
from ragline.chat.cache.near import NearQuestions
from ragline.chat.cache.scope import Place, place_of, plain
from ragline.chat.question import Question
from ragline.chat.schemas import ChatAnswer
from ragline.models import Project, now
from ragline.providers.contracts import KeptAnswer, KeptQuestion, Turn

HEADER = "X-Ragline-Cache"
MOST_BYTES = 256 * 1024
MOST_CANDIDATES = 10
_KEPT = {"answer", "citations", "usage"}


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look gave: an answer, or the place where one may be kept, or neither.

    `key` is that of an answer to the very same words.
    """

    result: Result
    answer: ChatAnswer | None = None
    place: Place | None = None
    key: str | None = None


NOTHING = Looked("bypass")


def asked_with(question: Question, wish: CacheWish) -> Question:
    """Return a question that uses the cache as its sender wishes."""
    return replace(question, may_give=wish.may_give, may_keep=wish.may_keep)


def look(runtime: Runtime, tenant_id: str, question: Question, history: Sequence[Turn]) -> Looked:
    """Look for a kept answer to a question; `history` is what is sent along with it.

    A cache that is away, or that the question goes past, gives and takes nothing.
    """
    if not runtime.settings.cache:
        return NOTHING
    memory = _memory_of(runtime)
    if not (question.may_give or question.may_keep):
        memory.lookups.count("bypass")
        return NOTHING
    versions = _versions(runtime, tenant_id, question.projects)
    if not versions:
        return NOTHING
    place = place_of(tenant_id, versions, question, history, runtime.settings)
    looked = _given(runtime, memory, place, question)
    memory.lookups.count(looked.result)
    return looked


def keep(
    runtime: Runtime,
    tenant_id: str,
    place: Place | None,
    question: Question,
    answer: ChatAnswer,
) -> None:
    """Keep an answer in the place that a look gave, if it is worth being given again.

    One without citations is not: nothing was found, or nothing can be checked. Nor is one that
    was cut off, or that a model gave in place of the one that was asked first.
    """
    if place is None or answer.truncated or not answer.citations:
        return
    if not _is_of_first(runtime, answer, question):
        return
    content = answer.model_dump(mode="json", include=_KEPT)
    if len(json.dumps(content)) > MOST_BYTES:
        return
    text = plain(question.text)
    kept = KeptQuestion(place.key, text, runtime.embedder.embed_query(text), now())
    runtime.answer_cache.put(KeptAnswer(tenant_id, place.scope, kept, place.projects, content))


def headers_of(runtime: Runtime, wish: CacheWish, cached: object) -> dict[str, str]:
    """Return the header that tells a client whether its answer was kept from before."""
    if cached:
        return {HEADER: "hit"}
    return {HEADER: "miss" if runtime.settings.cache and wish.may_give else "bypass"}


@dataclass(frozen=True, slots=True)
class _Memory:
    """What a process remembers between two looks."""

    near: NearQuestions
    lookups: Lookups


def _memory_of(runtime: Runtime) -> _Memory:
    memory: _Memory | None = runtime.kept.get("answer_cache")
    if memory is not None:
        return memory
    made = _Memory(NearQuestions(runtime.answer_cache), Lookups(runtime.database))
    memory = runtime.kept.setdefault("answer_cache", made)
    if memory is made:
        runtime.on_close(made.lookups.close)
    return memory


def _versions(runtime: Runtime, tenant_id: str, project_ids: Sequence[str]) -> dict[str, int]:
    """Return the content versions of those projects that are the tenant's and not deleted."""
    values = {"ids": list(project_ids), "of_tenant": tenant_id}
    with runtime.database.read() as session:
        return {row.id: row.content_version for row in session.execute(_VERSIONS, values)}


def _given(runtime: Runtime, memory: _Memory, place: Place, question: Question) -> Looked:
    to_keep = place if question.may_keep else None
    if not question.may_give:
        return Looked("bypass", place=to_keep)
    exact = _shown(runtime.answer_cache.get(place.key), "exact")
    if exact is not None:
        return Looked("exact", exact, key=place.key)
    near = _nearly(runtime, memory, place, plain(question.text))
    if near is not None:
        return Looked("semantic", near)
    return Looked("miss", place=to_keep)


def _nearly(runtime: Runtime, memory: _Memory, place: Place, text: str) -> ChatAnswer | None:
    """Return the answer to the nearest question that asks for the same in other words."""
    candidates = memory.near.near(
        place.scope,
        lambda: runtime.embedder.embed_query(text),
        similarity=runtime.settings.cache_similarity,
    )
    for candidate in candidates[:MOST_CANDIDATES]:
        if not same_demand(candidate.text, text):
            continue
        answer = _shown(runtime.answer_cache.get(candidate.key), "semantic")
        if answer is not None:
            return answer
        memory.near.forget(place.scope, candidate.key)
    return None


def _shown(
    content: Mapping[str, object] | None, cached: Literal["exact", "semantic"]
) -> ChatAnswer | None:
    """Return a kept answer as it is given: this time it took nothing."""
    if content is None:
        return None
    try:
        answer = ChatAnswer.model_validate(content)
    except ValidationError:
        return None  # of another release, or damaged
    nothing = {"prompt_tokens": 0, "completion_tokens": 0, "cost": 0.0, "cached": cached}
    return answer.model_copy(update={"usage": answer.usage.model_copy(update=nothing)})


def _is_of_first(runtime: Runtime, answer: ChatAnswer, question: Question) -> bool:
    """Tell whether the answer is that of the model which is asked first for the question."""
    names = [member.name for member in runtime.llm.members]
    chosen = (question.model or "").partition("/")[0]
    return answer.usage.adapter == (chosen if chosen in names[1:] else names[0])


_VERSIONS = sa.select(Project.id, Project.content_version).where(
    Project.id.in_(sa.bindparam("ids", expanding=True)),
    Project.tenant_id == sa.bindparam("of_tenant"),
    Project.deleted_at.is_(None),
)
