"""A question, answered while its caller waits, or accepted as a job."""

from __future__ import annotations

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.chat import admission, sources
from ragline.chat.answering import answer_from, patience
from ragline.chat.schemas import ChatAnswer, ChatRequest
from ragline.engine import queues
from ragline.http.idempotency import Once, once
from ragline.jobs import service as jobs
from ragline.jobs.schemas import JobView
from ragline.jobs.views import fresh_view
from ragline.models import Job, new_id

WORKFLOW = "chat"
# A client that waits for a provider's limits longer than this has mostly gone away.
LONGEST_WAIT_SECONDS = 30.0


def answer(
    runtime: Runtime,
    caller: Caller,
    project_id: str,
    question: str,
    *,
    limit: int,
    model: str | None = None,
) -> ChatAnswer:
    """Answer from the best passages; a quote that does not stand in its passage is dropped.

    Raises `Overloaded` where the provider's limits are reached for longer than a caller waits.
    """
    found = sources.find(runtime, caller, project_id, question, limit=limit)
    pause = patience(LONGEST_WAIT_SECONDS)
    return answer_from(runtime, question, found, model=model, pause=pause)


def accept_question(
    runtime: Runtime,
    caller: Caller,
    project_id: str,
    question: ChatRequest,
    *,
    key: str | None = None,
) -> JobView:
    """Queue a question as a job whose result is the answer; once for an idempotency `key`.

    Raises `Overloaded` where too many questions are in progress.
    """
    request = Once(caller.tenant_id, key, ("chat", project_id, question.model_dump(mode="json")))
    return once(
        runtime.database, request, JobView, lambda: _accept(runtime, caller, project_id, question)
    )


def _accept(runtime: Runtime, caller: Caller, project_id: str, question: ChatRequest) -> JobView:
    with runtime.database.write() as session:
        project = owned_project(session, caller.tenant_id, project_id)
        admission.refuse_job(session, runtime)
        job = Job(
            id=new_id(),
            tenant_id=caller.tenant_id,
            project_id=project.id,
            kind=admission.CHAT,
            inputs={
                "project_id": project.id,
                "question": question.question,
                "limit": question.limit,
                "model": question.model,
            },
            progress_total=1,
            progress_unit="answers",
        )
        jobs.accept(
            session,
            runtime,
            job,
            workflow=WORKFLOW,
            queue=queues.CHAT,
            timeout_seconds=runtime.settings.chat_seconds,
            wishes=question.wishes,
        )
        return fresh_view(job, tags=question.tags)
