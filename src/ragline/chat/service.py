"""A question, answered while its caller waits, or accepted as a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.chat import admission, paid
from ragline.chat.answering import stream_from
from ragline.chat.asking import Make, Searches, ask_of
from ragline.chat.cache import service as cache
from ragline.chat.cache.control import ANY, CacheWish
from ragline.chat.cache.service import Looked, asked_with
from ragline.chat.history import cut
from ragline.chat.question import Question
from ragline.chat.rendering import rendered
from ragline.chat.reranking import reranked_now
from ragline.chat.retrieving import retrieve
from ragline.chat.schemas import ChatAnswer, ChatRequest, UsageView
from ragline.chat.sessions import Turn, begin_turn, put_behind, question_of
from ragline.engine import queues
from ragline.errors import NotFound
from ragline.http.idempotency import Once, once
from ragline.jobs import service as jobs
from ragline.jobs.reading import get_job, get_jobs
from ragline.jobs.schemas import JobView
from ragline.jobs.turnstile import Turnstile, patience
from ragline.jobs.views import fresh_view
from ragline.jobs.wishes import NO_WISHES, Wishes
from ragline.models import Job, Message, new_id

WORKFLOW = "chat"
# A name of its own: a worker of a release before does not know what a message needs.
MESSAGE_WORKFLOW = "message"
# A client that waits for a provider's limits longer than this has mostly gone away.
LONGEST_WAIT_SECONDS = 30.0


def question_to(project_id: str, asked: ChatRequest, wish: CacheWish = ANY) -> Question:
    """Return what is asked of a project outside a session."""
    question = Question(
        asked.question,
        (project_id,),
        limit=asked.limit,
        model=asked.model,
        stream=asked.stream,
    )
    return asked_with(question, wish)


def answer(
    runtime: Runtime,
    caller: Caller,
    project_id: str,
    question: Question,
    *,
    looked: Looked | None = None,
) -> ChatAnswer:
    """Answer from a project's best passages; a quote that does not stand there is dropped.

    Raises `Overloaded` where the provider's limits are reached for longer than a caller waits.
    """
    with runtime.database.read() as session:
        owned_project(session, caller.tenant_id, project_id)
    return answer_now(runtime, caller, question, looked=looked)


def look(runtime: Runtime, caller: Caller, question: Question) -> Looked:
    """Look for a kept answer to a question outside a session, and make it safe to show."""
    history = cut(question.history, question.history_tokens)
    looked = cache.look(runtime, caller.tenant_id, question, history)
    if looked.answer is not None:
        looked.answer.answer = rendered(looked.answer.answer)
    return looked


def answer_now(
    runtime: Runtime, caller: Caller, question: Question, *, looked: Looked | None = None
) -> ChatAnswer:
    """Answer a question of any kind while its caller waits, without a job.

    `looked` is what a look for a kept answer gave, where there was one already.
    """
    looked = looked or look(runtime, caller, question)
    if looked.answer is not None:
        return looked.answer
    paid_for: list[UsageView] = []
    history = cut(question.history, question.history_tokens)
    turnstile = Turnstile(patience(LONGEST_WAIT_SECONDS))

    def once_paid(_: bool, make: Make) -> tuple[str, ...]:
        queries, usage = make()
        paid_for.append(usage)
        return queries

    searches = Searches(runtime, question, history, turnstile, once_paid)
    again = reranked_now(runtime, paid_for)
    passages = retrieve(runtime, caller.tenant_id, question, searches, reranking=again).sources
    for piece in stream_from(runtime, ask_of(question, history), passages, turnstile):
        if isinstance(piece, ChatAnswer):
            cache.keep(runtime, caller.tenant_id, looked.place, question, piece)
            piece.answer = rendered(piece.answer)
            for usage in paid_for:
                paid.add(piece.usage, usage)
            return piece
    raise RuntimeError("A stream ended without its answer.")


def accept_question(
    runtime: Runtime,
    caller: Caller,
    project_id: str,
    question: ChatRequest,
    *,
    key: str | None = None,
    wish: CacheWish = ANY,
) -> JobView:
    """Queue a question as a job whose result is the answer; once for an idempotency `key`.

    With a `session_id` it is the next message of that session, answered from this project.

    Raises:
        NotFound: there is no such project, or no such session.
        Conflict: too many messages of the session are unanswered.
        Overloaded: too many questions are in progress.
    """
    request = Once(caller.tenant_id, key, ("chat", project_id, question.model_dump(mode="json")))
    return once(
        runtime.database,
        request,
        JobView,
        lambda: _accept(runtime, caller, project_id, question, wish),
    )


def accept(
    runtime: Runtime,
    caller: Caller,
    question: Question,
    *,
    wishes: Wishes = NO_WISHES,
    key: str | None = None,
) -> JobView:
    """Queue a question of any kind outside a session as a job of kind `chat`.

    Projects that are not the tenant's are left out when it is answered. Raises `Overloaded`
    where too many questions are in progress.
    """
    request = Once(caller.tenant_id, key, ("question", question.inputs(), asdict(wishes)))

    def make() -> JobView:
        with runtime.database.write() as session:
            job = _job(caller.tenant_id, question, admission.CHAT)
            return _queue(session, runtime, job, WORKFLOW, wishes)

    return once(runtime.database, request, JobView, make)


def accept_turn(
    session: Session,
    runtime: Runtime,
    turn: Turn,
    before: Job | None,
    *,
    stream: bool = False,
    wishes: Wishes = NO_WISHES,
) -> JobView:
    """Queue the answer to a turn that was begun in this transaction, behind the one before it."""
    question = replace(turn.question, stream=stream)
    job = _job(turn.answer.tenant_id, question, admission.MESSAGE, id=turn.answer.job_id)
    wishes = put_behind(job, wishes, before)
    return _queue(session, runtime, job, MESSAGE_WORKFLOW, wishes)


def job_of(runtime: Runtime, message: Message) -> JobView | None:
    """Return the job of a message with its place; None where there is none, or none any more."""
    if message.job_id is None:
        return None
    try:
        return get_job(runtime, message.tenant_id, message.job_id)
    except NotFound:
        return None


def jobs_of(runtime: Runtime, messages: Sequence[Message]) -> dict[str, JobView]:
    """Return the jobs of messages by their ids; of open ones, which are few, with their places."""
    ids = [message.job_id for message in messages if message.job_id is not None]
    if not ids:
        return {}
    found = {job.id: job for job in get_jobs(runtime, messages[0].tenant_id, ids)}
    for message in messages:
        job = found.get(message.job_id or "")
        if job is not None and job.status == "queued":
            found[job.id] = job_of(runtime, message) or job
    return found


def _accept(
    runtime: Runtime, caller: Caller, project_id: str, asked: ChatRequest, wish: CacheWish
) -> JobView:
    with runtime.database.write() as session:
        project = owned_project(session, caller.tenant_id, project_id)
        if asked.session_id is not None:
            turn, before = begin_turn(
                session,
                (caller.tenant_id, asked.session_id),
                lambda agent: replace(
                    asked_with(question_of(agent, asked.question), wish),
                    projects=(project.id,),
                    limit=asked.limit,
                    model=asked.model or agent.model,
                ),
            )
            return accept_turn(
                session, runtime, turn, before, stream=asked.stream, wishes=asked.wishes
            )
        job = _job(caller.tenant_id, question_to(project.id, asked, wish), admission.CHAT)
        return _queue(session, runtime, job, WORKFLOW, asked.wishes)


def _job(tenant_id: str, question: Question, kind: str, *, id: str | None = None) -> Job:
    return Job(
        id=id or new_id(),
        tenant_id=tenant_id,
        project_id=question.projects[0] if len(question.projects) == 1 else None,
        kind=kind,
        inputs=question.inputs(),
        progress_total=1,
        progress_unit="answers",
    )


def _queue(session: Session, runtime: Runtime, job: Job, workflow: str, wishes: Wishes) -> JobView:
    admission.refuse_job(session, runtime)
    jobs.accept(
        session,
        runtime,
        job,
        workflow=workflow,
        queue=queues.CHAT,
        timeout_seconds=runtime.settings.chat_seconds,
        wishes=wishes,
    )
    return fresh_view(job, tags=list(wishes.tags))
