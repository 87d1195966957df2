"""A question's way as a durable workflow: retrieve, answer, finish.

Steps pass on ids and keys. What was paid for is stored under the hash of its exact inputs
before anything uses it: only a worker that dies during a call pays for it again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.chat import paid, retrieving, sources
from ragline.chat.answering import stream_from
from ragline.chat.asking import Make, Searches, ask_of
from ragline.chat.deltas import Deltas, tell
from ragline.chat.erasing import erase_words
from ragline.chat.history import cut, said_before
from ragline.chat.pairs import stored_answer
from ragline.chat.question import Question
from ragline.chat.rendering import rendered
from ragline.chat.reranking import reranked_for_job
from ragline.chat.reuse import answer_before, keep_answer
from ragline.chat.schemas import ChatAnswer
from ragline.chat.service import MESSAGE_WORKFLOW, WORKFLOW
from ragline.engine.retry import LOCAL, Retry, cause_of
from ragline.errors import NotFound
from ragline.failpoints import failpoint
from ragline.jobs import service as jobs
from ragline.jobs.event_hub import nudge
from ragline.jobs.events import record
from ragline.jobs.pump import Pump
from ragline.jobs.turnstile import turnstile_of
from ragline.jobs.undoing import Undoing
from ragline.models import Job, Message
from ragline.providers.contracts import Turn

# Waiting as a provider asks is no try.
CALLS = Retry(attempts=3, first_wait=1.0)


def register(runtime: Runtime) -> None:
    """Make the answering of questions known to the engine."""
    for name in (WORKFLOW, MESSAGE_WORKFLOW):
        runtime.engine.register(name, lambda job_id: chat(runtime, job_id))


def chat(runtime: Runtime, job_id: str) -> None:
    """Answer a question, or end its job with the reason why not."""
    engine = runtime.engine
    attempt = engine.workflow_id()
    try:
        engine.patiently(jobs.begin, runtime, job_id)
        found = engine.step(retrieve, CALLS, runtime, job_id, attempt)
        key = engine.step(answer, CALLS, runtime, job_id, attempt, found)
        engine.step(finish, LOCAL, runtime, job_id, attempt, key)
    except jobs.Superseded:
        raise  # whoever superseded this attempt ends the job
    except Exception as error:
        engine.patiently(jobs.give_up, runtime, job_id, cause_of(error), attempt)
        raise
    finally:
        nudge(runtime, job_id)


def remove(runtime: Runtime, job: Job) -> dict[str, int]:
    """Take nothing away: an answer shows itself only where the job completes.

    Where the message was deleted meanwhile, its words go from the job as well.
    """
    if job.kind == "message":
        keys: list[str] = []
        with runtime.database.write() as session:
            if session.scalar(_MESSAGE, {"of_job": job.id}) is None:
                mine = session.get_one(Job, job.id)
                keys = erase_words(session, mine)
                mine.inputs = {"erased": True}
        runtime.answer_cache.remove(keys)
    return {}


UNDOING = Undoing(give_up=jobs.give_up, remove=remove)


def retrieve(runtime: Runtime, job_id: str, workflow_id: str) -> list[tuple[str, float]]:
    """Find the passages to answer from and return their ids; a second run finds the same.

    A question that its agent's owner has answered, or whose answer is kept from before, needs
    none: that answer is this job's.
    """
    job, question = _asked(runtime, job_id)
    if question.agent_id is not None:
        given = stored_answer(runtime, question.agent_id, question.text)
        if given is not None:
            paid.keep(runtime, job_id, _pair_key(job_id), given.model_dump())
            return []
    history = _history(runtime, question)
    known = answer_before(runtime, job, question, history)
    if known is not None:
        paid.keep(runtime, job_id, _pair_key(job_id), known.model_dump())
        return []
    turnstile = turnstile_of(runtime, job_id, workflow_id)
    once = _KeptSearches(runtime, job_id, question, history)
    searches = Searches(runtime, question, history, turnstile, once)
    again = reranked_for_job(runtime, job_id, turnstile)
    found = retrieving.retrieve(runtime, job.tenant_id, question, searches, reranking=again)
    sources.keep(runtime, job_id, found.sources)
    if question.stream:
        told = {"queries": list(found.queries), "passages": len(found.sources)}
        if len(question.projects) > 1:
            told["projects"] = list(found.projects)
        tell(runtime, job_id, workflow_id, "answer.retrieval", **told)
    return [(each.chunk_id, each.score) for each in found.sources]


def answer(runtime: Runtime, job_id: str, workflow_id: str, found: Sequence[Sequence[Any]]) -> str:
    """Ask the model, store its answer and return the key; a second run finds the stored one."""
    job, question = _asked(runtime, job_id)
    key = _pair_key(job_id)
    deltas = Deltas(runtime, job_id, workflow_id, listens=question.stream)
    stored = paid.kept(runtime, key)
    if stored is not None:
        deltas.begin()
        deltas.add(stored["answer"])
        deltas.end()
        return key
    scores = [(id, score) for id, score in found]
    passages = sources.of_job(runtime, job, question.projects, scores)
    history = _history(runtime, question)
    key = _key(runtime, job_id, question, history, passages)
    if paid.kept(runtime, key) is not None:
        return key
    began = time.monotonic()
    given = _written(runtime, job_id, workflow_id, (question, history, passages), deltas)
    took = round((time.monotonic() - began) * 1000)
    failpoint("chat.answered")
    # A database that is away must not make the step begin anew: the answer is paid for.
    runtime.engine.patiently(
        paid.keep, runtime, job_id, key, given.model_dump() | {"generation_ms": took}
    )
    failpoint("chat.stored")
    keep_answer(runtime, job, question, given)
    return key


def finish(runtime: Runtime, job_id: str, workflow_id: str, key: str) -> None:
    """End the job, and its message, with the stored answer; a second run finds the job ended."""
    with runtime.database.write() as session:
        job = session.get_one(Job, job_id)
        if not jobs.is_current(session, job, workflow_id):
            return
        given = dict(paid.in_session(session, key))
        took = given.pop("generation_ms", 0)
        given["answer"] = rendered(given["answer"])
        given["usage"] = _whole_usage(session, job, given["usage"])
        job.progress_done = 1
        _publish(session, job, given, took)
        paid.forget(session, job)
        sources.forget(session, job)
        told = None
        if Question.of(job.inputs or {}).stream:
            record(session, job, "answer.citations", citations=given["citations"])
            record(session, job, "answer.usage", usage=given["usage"])
            told = {"answer": given["answer"]}
        jobs.complete(session, job, result=given, told=told)
    nudge(runtime, job_id)


def _written(
    runtime: Runtime,
    job_id: str,
    workflow_id: str,
    asked: tuple[Question, Sequence[Turn], Sequence[sources.Source]],
    deltas: Deltas,
) -> ChatAnswer:
    """Have the answer written, and pass on its pieces; a job that was cancelled ends the call."""
    question, history, passages = asked
    turnstile = turnstile_of(runtime, job_id, workflow_id)
    deltas.begin()
    pieces = stream_from(runtime, ask_of(question, history), passages, turnstile)
    given: ChatAnswer | None = None
    with Pump(pieces) as pump:
        while not pump.has_ended:
            piece = pump.take(deltas.patience)
            if isinstance(piece, str):
                deltas.add(piece)
            elif piece is not None:
                given = piece
            deltas.flush()
    deltas.end()
    if given is None:
        raise RuntimeError("A stream ended without its answer.")
    return given


class _KeptSearches:
    """Keeps what a model wrote for this job, so that a second run does not pay for it again."""

    def __init__(
        self, runtime: Runtime, job_id: str, question: Question, history: Sequence[Turn]
    ) -> None:
        self._runtime = runtime
        self._job_id = job_id
        self._exact = [runtime.settings.llm, question.model, question.text, _plain(history)]

    def __call__(self, other_words: bool, make: Make) -> tuple[str, ...]:
        key = paid.key_of(self._job_id, "searches", other_words, *self._exact)
        known = paid.kept(self._runtime, key)
        if known is not None:
            return tuple(known["queries"])
        queries, usage = make()
        if usage.prompt_tokens or usage.completion_tokens:
            result = {"queries": list(queries), "usage": usage.model_dump()}
            self._runtime.engine.patiently(paid.keep, self._runtime, self._job_id, key, result)
        return queries


def _asked(runtime: Runtime, job_id: str) -> tuple[Job, Question]:
    with runtime.database.read() as session:
        job = session.get_one(Job, job_id)
    if not job.inputs or "question" not in job.inputs:
        raise NotFound("The conversation was deleted; nothing of it is answered any more.")
    return job, Question.of(job.inputs)


def _history(runtime: Runtime, question: Question) -> tuple[Turn, ...]:
    said = question.history
    if question.message_id is not None:
        said = (*said, *said_before(runtime, question.message_id))
    return cut(said, question.history_tokens)


def _publish(session: Session, job: Job, given: dict[str, Any], took: int) -> None:
    """Show the answer as its message, where it is one that was not deleted."""
    message = session.scalar(_MESSAGE, {"of_job": job.id})
    if message is not None:
        message.content, message.citations = given["answer"], given["citations"]
        message.usage, message.generation_ms = given["usage"], took


def _whole_usage(session: Session, job: Job, of_answer: dict[str, Any]) -> dict[str, Any]:
    """Return who answered, with tokens and cost of all that was paid for; the job is told too."""
    sums = paid.count(session, job)
    sums.model, sums.adapter = of_answer["model"], of_answer.get("adapter", "")
    sums.cached = of_answer.get("cached")
    return sums.model_dump()


def _pair_key(job_id: str) -> str:
    return paid.key_of(job_id, "stored pair")


def _key(
    runtime: Runtime,
    job_id: str,
    question: Question,
    history: Sequence[Turn],
    passages: Sequence[sources.Source],
) -> str:
    """Return the hash of all that decides an answer, within one job."""
    ask = asdict(ask_of(question, ()))
    texts = [[each.chunk_id, each.title, each.text] for each in passages]
    return paid.key_of(job_id, runtime.settings.llm, ask, _plain(history), texts)


def _plain(history: Sequence[Turn]) -> list[list[str]]:
    return [[turn.role, turn.text] for turn in history]


_MESSAGE = sa.select(Message).where(Message.job_id == sa.bindparam("of_job"))
