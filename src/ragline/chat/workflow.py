"""A question's way as a durable workflow: retrieve, answer, finish.

Steps pass on ids and keys. An answer that was paid for is stored under the hash of its exact
inputs before anything uses it: only a worker that dies during the call pays for it again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from ragline.accounts.service import Caller, Role
from ragline.bootstrap import Runtime
from ragline.chat import sources
from ragline.chat.answering import answer_from
from ragline.chat.schemas import ChatAnswer
from ragline.chat.service import WORKFLOW
from ragline.database import insert_missing
from ragline.engine.retry import LOCAL, Retry, cause_of
from ragline.failpoints import failpoint
from ragline.jobs import service as jobs
from ragline.jobs.undoing import Undoing
from ragline.models import Job, PaidAnswer, now

# Waiting as a provider asks is no try.
CALLS = Retry(attempts=4, first_wait=1.0)
# A job that waits for its provider looks this often whether it was cancelled.
LOOK_SECONDS = 1.0


def register(runtime: Runtime) -> None:
    """Make the answering of questions known to the engine."""
    runtime.engine.register(WORKFLOW, lambda job_id: chat(runtime, job_id))


def chat(runtime: Runtime, job_id: str) -> None:
    """Answer a question, or end its job with the reason why not."""
    engine = runtime.engine
    attempt = engine.workflow_id()
    try:
        engine.patiently(jobs.begin, runtime, job_id)
        found = engine.step(retrieve, LOCAL, runtime, job_id)
        key = engine.step(answer, CALLS, runtime, job_id, attempt, found)
        engine.step(finish, LOCAL, runtime, job_id, attempt, key)
    except jobs.Superseded:
        raise  # whoever superseded this attempt ends the job
    except Exception as error:
        engine.patiently(jobs.give_up, runtime, job_id, cause_of(error), attempt)
        raise


def remove(_runtime: Runtime, _job: Job) -> dict[str, int]:
    """Take nothing away: an answer shows itself only where the job completes."""
    return {}


UNDOING = Undoing(give_up=jobs.give_up, remove=remove)


def retrieve(runtime: Runtime, job_id: str) -> list[tuple[str, float]]:
    """Find the passages to answer from and return their ids; it changes nothing."""
    with runtime.database.read() as session:
        job = session.get_one(Job, job_id)
    asked = _inputs(job)
    # The job was accepted for its tenant; whose key it was no longer matters.
    caller = Caller(job.tenant_id, "", Role.READER)
    found = sources.find(
        runtime, caller, asked["project_id"], asked["question"], limit=asked["limit"]
    )
    return [(source.chunk_id, source.score) for source in found]


def answer(runtime: Runtime, job_id: str, workflow_id: str, found: Sequence[Sequence[Any]]) -> str:
    """Ask the model, store its answer and return the key; a second run finds the stored one."""
    with runtime.database.read() as session:
        asked = _inputs(session.get_one(Job, job_id))
    passages = sources.read(runtime, asked["project_id"], [(id, score) for id, score in found])
    key = _key(runtime, job_id, asked, passages)
    if _is_stored(runtime, key):
        return key
    given = answer_from(
        runtime,
        asked["question"],
        passages,
        model=asked["model"],
        pause=_pause(runtime, job_id, workflow_id),
        job_id=job_id,
        on_wait=lambda reason: _note_waiting(runtime, job_id, workflow_id, reason),
        on_granted=lambda: _note_waiting(runtime, job_id, workflow_id, None),
    )
    failpoint("chat.answered")
    # A database that is away must not make the step begin anew: the answer is paid for.
    runtime.engine.patiently(_store, runtime, job_id, key, given)
    failpoint("chat.stored")
    return key


def finish(runtime: Runtime, job_id: str, workflow_id: str, key: str) -> None:
    """End the job with the stored answer; a second run finds the job ended."""
    with runtime.database.write() as session:
        job = session.get_one(Job, job_id)
        if not jobs.is_current(session, job, workflow_id):
            return
        stored = session.get_one(PaidAnswer, key)
        given, usage = stored.answer, stored.answer["usage"]
        job.tokens = usage["prompt_tokens"] + usage["completion_tokens"]
        job.cost = usage.get("cost", 0.0)
        job.progress_done = 1
        session.delete(stored)
        jobs.complete(session, job, result=given)


def _inputs(job: Job) -> dict[str, Any]:
    assert job.inputs is not None, "a question is accepted with its inputs"
    return job.inputs


def _key(
    runtime: Runtime, job_id: str, asked: dict[str, Any], passages: Sequence[sources.Source]
) -> str:
    """Return the hash of all that decides an answer, within one job."""
    exact = [
        job_id,
        runtime.settings.llm,
        asked["model"],
        asked["question"],
        [[each.chunk_id, each.title, each.text] for each in passages],
    ]
    return hashlib.sha256(json.dumps(exact, ensure_ascii=False).encode()).hexdigest()


def _is_stored(runtime: Runtime, key: str) -> bool:
    with runtime.database.read() as session:
        return session.get(PaidAnswer, key) is not None


def _store(runtime: Runtime, job_id: str, key: str, given: ChatAnswer) -> None:
    row = {"key": key, "job_id": job_id, "answer": given.model_dump(), "created_at": now()}
    with runtime.database.write() as session:
        insert_missing(session, PaidAnswer, [row])


def _pause(runtime: Runtime, job_id: str, workflow_id: str) -> Callable[[float], None]:
    """Return a pause that ends with the process, or with `Superseded` once the job is not open."""

    def pause(seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            runtime.engine.pause(min(left, LOOK_SECONDS))
            with runtime.database.read() as session:
                jobs.open_job(session, job_id, workflow_id)

    return pause


def _note_waiting(runtime: Runtime, job_id: str, workflow_id: str, reason: str | None) -> None:
    """Show what the job waits for, or that it does not wait any more."""
    values = {"of_job": job_id, "of_workflow": workflow_id}
    with runtime.database.read() as session:
        if session.scalar(_WAITING_FOR, values) == reason:
            return
    with runtime.database.write() as session:
        session.execute(_NOTE_WAITING, values | {"reason": reason})


_THIS = (
    Job.id == sa.bindparam("of_job"),
    Job.workflow_id == sa.bindparam("of_workflow"),
    Job.outcome.is_(None),
)
_WAITING_FOR = sa.select(Job.waiting_for).where(*_THIS)
_NOTE_WAITING = sa.update(Job).where(*_THIS).values(waiting_for=sa.bindparam("reason"))
