"""A background response from its job: what the job's events mean, and what it has become."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.chat import sources
from ragline.chat.question import Question
from ragline.chat.schemas import ChatAnswer
from ragline.engine import attempts
from ragline.models import Event, Job
from ragline.openai_api.completions_asking import results_of, said_of
from ragline.openai_api.responses_objects import Found, Said
from ragline.openai_api.responses_script import Event as Told
from ragline.openai_api.responses_script import Script
from ragline.openai_api.schemas import unix

RETRIEVAL = "answer.retrieval"


class Teller:
    """Puts the events of a job, in their order, into those of its response.

    Each event of the job gives the same ones however often it is read, so that their numbers
    are the same for every reader.
    """

    def __init__(self, runtime: Runtime, script: Script) -> None:
        self._runtime = runtime
        self._script = script
        self._queries: Sequence[str] | None = None

    def told(self, job: Job, event: Event) -> list[Told]:
        """Return what an event of the job means for a reader of the response."""
        if event.type == RETRIEVAL:
            # What was found is kept once the step has ended, which the next event shows.
            self._queries = event.details["queries"]
            return []
        searched: list[Told] = []
        if self._queries is not None:
            searched = self._script.searched(found(self._runtime, job, self._queries))
            self._queries = None
        return searched + self._told(job, event)

    def _told(self, job: Job, event: Event) -> list[Told]:
        script, details = self._script, event.details
        match event.type:
            case "job.queued":
                return script.accepted()
            case "job.started":
                return script.begun()
            case "job.retrying":
                return script.renewed()
            case "answer.delta":
                return script.said(details["text"])
            case "answer.restart":
                return script.interrupted()
            case "job.completed":
                return script.answered(said(self._runtime, job), at=unix(event.created_at))
            case "job.failed":
                return script.failed(error_of(details["error"]))
            case "job.cancelled":
                return script.cancelled()
        return []


def said(runtime: Runtime, job: Job) -> Said:
    """Return the answer that a job completed with."""
    assert job.result is not None, "a completed job has its result"
    return said_of(runtime, ChatAnswer.model_validate(job.result))


def found(runtime: Runtime, job: Job, queries: Sequence[str]) -> Found:
    """Return what a job searched for and found."""
    assert job.workflow_id is not None, "a question's job has a workflow"
    with runtime.database.read() as session:
        output = attempts.outputs(session, job.workflow_id).get("retrieve")
    ids = [(str(id), float(score)) for id, score in json.loads(output)] if output else []
    projects = Question.of(job.inputs or {}).projects
    return Found(queries, results_of(runtime, sources.of_job(runtime, job, projects, ids)))


def queries_of(runtime: Runtime, job: Job) -> list[str] | None:
    """Return what a job searched for; None where it did not, or its events are gone."""
    with runtime.database.read() as session:
        details = session.scalar(_RETRIEVAL, {"of_job": job.id, "of_type": RETRIEVAL})
    return list(details["queries"]) if details else None


def error_of(problem: dict[str, Any]) -> dict[str, Any]:
    """Return the reason why a job failed, in OpenAI's words."""
    return {"code": "server_error", "message": problem["detail"]}


_RETRIEVAL = (
    sa.select(Event.details)
    .where(Event.job_id == sa.bindparam("of_job"), Event.type == sa.bindparam("of_type"))
    .order_by(Event.number.desc())
    .limit(1)
)
