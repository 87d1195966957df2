"""A job's answer from the cache, or for it; the place for it lasts from one step to the next."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.chat import paid
from ragline.chat.cache import service as cache
from ragline.chat.cache.scope import Place
from ragline.chat.question import Question
from ragline.chat.schemas import ChatAnswer, UsageView
from ragline.database import insert_missing
from ragline.models import CachedAnswerJob, Job
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
        with runtime.database.write() as session:
            paid.keep(runtime, job.id, _key(job), place)
            _note(session, job, looked.place.key)
    elif looked.key is not None:
        with runtime.database.write() as session:
            _note(session, job, looked.key)
    return looked.answer


def keep_answer(runtime: Runtime, job: Job, question: Question, answer: ChatAnswer) -> None:
    """Keep a job's answer in the place that was remembered for it.

    It is taken back where the job's words were erased meanwhile.
    """
    kept = paid.kept(runtime, _key(job))
    if kept is None:
        return
    place = Place.of(kept["place"])
    cache.keep(runtime, job.tenant_id, place, question, answer)
    with runtime.database.read() as session:
        is_known = session.get(CachedAnswerJob, (job.id, place.key)) is not None
    if not is_known:
        runtime.answer_cache.remove([place.key])


def release(session: Session, job: Job) -> list[str]:
    """Let a job's kept answers go; return the keys of those that no other job asked for."""
    keys = set(session.scalars(_MINE, {"of_job": job.id}))
    if not keys:
        return []
    session.execute(sa.delete(CachedAnswerJob).where(CachedAnswerJob.job_id == job.id))
    return sorted(keys - set(session.scalars(_ASKED, {"keys": sorted(keys)})))


def _note(session: Session, job: Job, key: str) -> None:
    """Note whose words a kept answer bears, so that it goes when they are erased."""
    insert_missing(session, CachedAnswerJob, [{"job_id": job.id, "key": key}])


def _key(job: Job) -> str:
    return paid.key_of(job.id, "place in the cache")


_MINE = sa.select(CachedAnswerJob.key).where(CachedAnswerJob.job_id == sa.bindparam("of_job"))
_ASKED = sa.select(CachedAnswerJob.key).where(
    CachedAnswerJob.key.in_(sa.bindparam("keys", expanding=True))
)
