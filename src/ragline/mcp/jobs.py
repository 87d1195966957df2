"""Tools that are jobs: ask and ingest, from their beginning to what came of them."""

from __future__ import annotations

import base64
import io

import sqlalchemy as sa
from fastapi.concurrency import run_in_threadpool

from ragline.chat import service as chat
from ragline.chat.schemas import ChatAnswer, ChatRequest
from ragline.conversations import service as conversations
from ragline.conversations.schemas import MessageRequest, SessionRequest
from ragline.documents import reading, storing
from ragline.documents.views import view_of
from ragline.errors import NotFound, RaglineError
from ragline.jobs.reading import get_job
from ragline.jobs.schemas import JobView
from ragline.jobs.wishes import NO_WISHES
from ragline.mcp.calls import Call, find_project
from ragline.mcp.schemas import (
    AskArguments,
    AskResult,
    IngestArguments,
    IngestResult,
    Quote,
    page_uri,
)
from ragline.models import Message

KINDS = ("ingest", "chat", "message")
"""The jobs that these tools make; others are no business of the protocol's tasks."""


_SESSION_OF = sa.select(Message.session_id).where(
    Message.job_id == sa.bindparam("job_id"), Message.role == "assistant"
)


class Unsuccessful(RaglineError):
    """A job ended without what it was to bring; the message says why."""

    status = 422
    slug = "job-unsuccessful"
    title = "Job without a result"


async def begin_asking(call: Call, arguments: AskArguments) -> str:
    """Accept a question and return its job."""

    def accept() -> str:
        if arguments.project is not None:
            question = ChatRequest(question=arguments.question, limit=arguments.limit)
            project_id = find_project(call, arguments.project)
            return chat.accept_question(call.runtime, call.caller, project_id, question).id
        session_id = arguments.session_id or _begun_session(call, arguments)
        message = MessageRequest(content=arguments.question)
        sent = conversations.send_message(call.runtime, call.caller, session_id, message)
        assert sent.job_id is not None, "an answer has a job"
        return sent.job_id

    return await run_in_threadpool(accept)


async def begin_ingestion(call: Call, arguments: IngestArguments) -> str | IngestResult:
    """Accept a document and return its job, or the document where it was there already."""

    def receive() -> tuple[str, storing.Submission]:
        project_id = find_project(call, arguments.project)
        return project_id, storing.submit(
            call.runtime, [_upload(arguments)], wishes=NO_WISHES, key=None
        )

    project_id, submission = await run_in_threadpool(receive)
    accepted = await call.parts.gathering.accept(call.caller.tenant_id, project_id, submission)
    if accepted.job is not None:
        return accepted.job.id
    document = accepted.documents[0]
    return IngestResult(
        job_id=None, status=document.status, document=document, progress=None, warnings=[]
    )


def result_of(call: Call, job: JobView) -> AskResult | IngestResult:
    """Return what came of a job so far.

    Raises `Unsuccessful` where it failed or was cancelled.
    """
    if job.status == "failed":
        assert job.error is not None, "a failed job has a reason"
        raise Unsuccessful(f"The job {job.id} failed: {job.error.detail}")
    if job.status == "cancelled":
        raise Unsuccessful(f"The job {job.id} was cancelled.")
    return _ingestion(call, job) if job.kind == "ingest" else _answer(call, job)


def get_task_job(call: Call, job_id: str) -> JobView:
    """Return one of the caller's jobs that these tools could have made."""
    job = get_job(call.runtime, call.caller.tenant_id, job_id)
    if job.kind not in KINDS:
        raise NotFound(f"There is no task with the id {job_id!r}.")
    return job


def _upload(arguments: IngestArguments) -> storing.Upload:
    about = (arguments.title, arguments.external_id, arguments.metadata)
    if arguments.text is not None:
        title, external_id, metadata = about
        return storing.text_upload(
            arguments.text, title=title, external_id=external_id, metadata=metadata
        )
    assert arguments.content_base64 is not None, "validated: a text or a file"
    assert arguments.filename is not None, "validated: a file has a name"
    content = io.BytesIO(base64.b64decode(arguments.content_base64))
    return storing.Upload(content, arguments.filename, *about)


def _begun_session(call: Call, arguments: AskArguments) -> str:
    assert arguments.agent is not None, "validated: a project, an agent or a session"
    request = SessionRequest(agent_id=arguments.agent)
    return conversations.create_session(call.runtime, call.caller, request).id


def _answer(call: Call, job: JobView) -> AskResult:
    with call.runtime.database.read() as session:
        session_id = session.scalar(_SESSION_OF, {"job_id": job.id})
    answered = AskResult(
        job_id=job.id,
        session_id=session_id,
        status=job.status,
        answer=None,
        citations=[],
        usage=None,
    )
    if job.result is None:
        return answered
    given = ChatAnswer.model_validate(job.result)
    quotes = [
        Quote(**cited.model_dump(), uri=page_uri(cited.document_id, cited.page))
        for cited in given.citations
    ]
    return answered.model_copy(
        update={"answer": given.answer, "citations": quotes, "usage": given.usage}
    )


def _ingestion(call: Call, job: JobView) -> IngestResult:
    assert job.document_id is not None, "an ingestion has a document"
    document = view_of(*reading.get_document(call.runtime, call.caller, job.document_id))
    return IngestResult(
        job_id=job.id,
        status=job.status,
        document=document,
        progress=job.progress,
        warnings=job.warnings,
    )
