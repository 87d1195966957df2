"""A job's answer from the cache, or for it; the place for it lasts from one step to the next."""

from __future__ import annotations

from collections.abc import Sequence

from ragline.bootstrap import Runtime
from ragline.chat import paid
from ragline.chat.cache import service as cache
from ragline.chat.cache.scope import Place
from ragline.chat.question import Question
from ragline.chat.schemas import ChatAnswer, UsageView
from ragline.models import Job
from ragline.providers.contracts import Turn

_NOTHING = UsageView(model="", prompt_tokens=0, completion_tokens=0)


def answer_before(
    runtime: Runtime, job: Job, question: Question, history: Sequence[Turn]
) -> ChatAnswer | None:
    """Return the kept answer to a job's question, if there is one.

    Else the place for its own is remembered, with the versions of the projects from before
    anything was searched for. A second run leaves it as it is.
    """
    looked = cache.look(runtime, job.tenant_id, question, history)
    if looked.place is not None:
        place = {"place": looked.place.to_json(), "usage": _NOTHING.model_dump()}
        paid.keep(runtime, job.id, _key(job), place)
    return looked.answer


def keep_answer(runtime: Runtime, job: Job, question: Question, answer: ChatAnswer) -> None:
    """Keep a job's answer in the place that was remembered for it."""
    place = paid.kept(runtime, _key(job))
    if place is not None:
        cache.keep(runtime, job.tenant_id, Place.of(place["place"]), question, answer)


def _key(job: Job) -> str:
    return paid.key_of(job.id, "place in the cache")
