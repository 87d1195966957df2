"""An optional step: badly read passages are repaired by a language model, behind a guard.

Which passages need it is judged by their characters; what a model made of one is kept under the
hash of its exact inputs before it is used, so that nobody pays for it twice. A model that is
away or refused costs a warning, never the document.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import sqlalchemy as sa
import structlog

from ragline.bootstrap import Runtime
from ragline.compute.limits import Limits
from ragline.errors import InvalidInput, Overloaded, ProviderError, TemporaryProviderError
from ragline.failpoints import failpoint
from ragline.ingestion import tidying_prompt, tidying_results
from ragline.ingestion.chunk import embedding_key
from ragline.ingestion.subject import Subject, load_subject
from ragline.ingestion.tidying_need import needs_tidying
from ragline.ingestion.tidying_results import Verdict
from ragline.jobs import service as jobs
from ragline.jobs.costs import note_paid, paid_call
from ragline.jobs.pump import Pump
from ragline.jobs.turnstile import LOOK_SECONDS, Turnstile, turnstile_of
from ragline.models import Chunk, Job, Project, new_id
from ragline.providers.contracts import Task, Written
from ragline.providers.prices import cost_of

LIMITS = Limits(
    wall_seconds=300,
    cpu_seconds=240,
    memory_bytes=1024**3,
    open_files=128,
    output_bytes=64 * 1024**2,
)
FIRST_WAIT_SECONDS = 1.0
BACKOFF = 3.0
# One batch may be too odd for a model; after so many in a row the model itself is the reason.
MOST_FAILURES_IN_A_ROW = 2
NOT_CLEANED = "passages-not-cleaned"
# What its sender wrote as text was not read by anybody.
_WRITTEN = ("text/", "application/json")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A passage that waits for its repair, under the key of what decides it."""

    key: str
    text: str


@dataclass
class _Work:
    """What the calls for a document share; several threads use it."""

    runtime: Runtime
    subject: Subject
    turnstile: Turnstile
    instructions: str
    passages: int
    done: int = 0
    failures: int = 0
    reason: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_given_up(self) -> bool:
        """Whether so many calls failed that no further one is made."""
        return self.failures >= MOST_FAILURES_IN_A_ROW


def is_wanted(runtime: Runtime, job_id: str) -> bool:
    """Tell whether a job was accepted with the wish to have its passages repaired."""
    with runtime.database.read() as session:
        inputs = session.get_one(Job, job_id).inputs or {}
    return inputs.get("clean") is True


def refuse_unable(runtime: Runtime, clean: bool | None) -> None:
    """Raise `InvalidInput` where passages are to be repaired and no model can."""
    if clean and not runtime.llm.can_write:
        raise InvalidInput(
            "Cleaning needs a language model that writes, and none is set up here: name one in "
            "RAGLINE_LLM, or leave 'clean' out."
        )


def tidy_chunks(runtime: Runtime, job_id: str, workflow_id: str) -> int:
    """Have passages repaired that need it, and return how many were sent.

    A second run asks only for what is not kept yet, and applies all again to the same effect.
    """
    subject = load_subject(runtime, job_id)
    if subject.media_type.startswith(_WRITTEN):
        return 0
    with runtime.database.read() as session:
        project = session.get_one(Project, subject.project_id)
    instructions = project.clean_prompt or runtime.settings.clean_prompt
    instructions = instructions or tidying_prompt.INSTRUCTIONS
    waiting = _mark(runtime, subject, instructions)
    size = runtime.settings.clean_batch
    batches = [waiting[start : start + size] for start in range(0, len(waiting), size)]
    turnstile = turnstile_of(runtime, job_id, workflow_id)
    work = _Work(runtime, subject, turnstile, instructions, len(waiting))
    with ThreadPoolExecutor(max_workers=runtime.settings.clean_concurrency) as threads:
        try:
            for _ in threads.map(partial(_tidy, work), batches):
                pass
        except BaseException:
            # Cancelled or stopping: what was not asked for yet is not wanted.
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    failpoint("ingest.tidied")
    _apply(work)
    return len(waiting)


def choose(texts: Sequence[str]) -> list[bool]:
    """Tell which passages need repair; pure, run in a child."""
    return [needs_tidying(text) and tidying_prompt.can_be_marked(text) for text in texts]


def _mark(runtime: Runtime, subject: Subject, instructions: str) -> list[Wanted]:
    """Note in each passage that needs repair what decides it; return those without a result.

    Noted before any call, results belong to the document from the start, and go with it.
    """
    with runtime.database.read() as session:
        unmarked = session.execute(
            sa.select(Chunk.id, Chunk.text).where(_of(subject), Chunk.cleaning_key.is_(None))
        ).all()
    texts = [text for _, text in unmarked]
    needed = runtime.compute.run(choose, texts, limits=LIMITS, owner=subject.owner)
    model = runtime.settings.clean_model or runtime.llm.default_model
    prompt = tidying_prompt.prompt_hash(instructions)
    marked = [
        {"id": id, "cleaning_key": tidying_results.key_of(subject.tenant_id, model, prompt, text)}
        for (id, text), needs in zip(unmarked, needed, strict=True)
        if needs
    ]
    with runtime.database.write() as session:
        subject.job_in(session)
        if marked:
            session.execute(sa.update(Chunk), marked)
        rows = session.execute(
            sa.select(Chunk.cleaning_key, Chunk.text)
            .where(_of(subject), Chunk.cleaning_key.is_not(None))
            .order_by(Chunk.ordinal)
        ).all()
        known = tidying_results.found(session, {key for key, _ in rows if key})
    failpoint("ingest.tidying_marked")
    return [Wanted(key, text) for key, text in dict(rows).items() if key and key not in known]


def _tidy(work: _Work, batch: Sequence[Wanted]) -> None:
    """Have a batch repaired and keep what came of it; leave it as it is where nothing did."""
    if work.is_given_up:
        return
    task = tidying_prompt.task_of(
        work.instructions,
        [each.text for each in batch],
        model=work.runtime.settings.clean_model,
    )
    try:
        written = _asked_again(work, task)
    except (ProviderError, Overloaded) as error:
        log.warning("passages.not_tidied", job_id=work.subject.job_id, error=error.message)
        with work.lock:
            work.failures += 1
            work.reason = error.message
        return
    verdicts = _verdicts(batch, written)
    failpoint("ingest.tidying_answered")
    # A database that is away must not make the step begin anew: the answer is paid for.
    work.runtime.engine.patiently(_keep, work, new_id(), verdicts, written)
    failpoint("ingest.tidying_kept")
    with work.lock:
        work.failures = 0
        work.done += len(batch)
        with work.runtime.database.write() as session:
            job = work.subject.job_in(session)
            jobs.advance(
                session,
                job,
                done=work.done,
                total=work.passages,
                unit="passages",
                event="job.progress",
            )


def _asked_again(work: _Work, task: Task) -> Written:
    """Return a model's answer after as many tries as the settings allow."""
    wait = FIRST_WAIT_SECONDS
    for _ in range(work.runtime.settings.clean_tries - 1):
        try:
            return _asked(work, task)
        except (TemporaryProviderError, Overloaded):
            # Where the provider asks for a longer rest, its limits see to that.
            work.turnstile.pause(wait)
            wait *= BACKOFF
    return _asked(work, task)


def _asked(work: _Work, task: Task) -> Written:
    """Return a model's answer; a job that does not want it any more ends the call."""
    gate = partial(work.turnstile.gate, work.runtime)

    def call() -> Generator[Written, None, None]:
        yield work.runtime.llm.write(task, gate=gate)

    with Pump(call()) as pump:
        while not pump.has_ended:
            written = pump.take(LOOK_SECONDS)
            if written is not None:
                return written
            with work.runtime.database.read() as session:
                work.subject.job_in(session)
    raise RuntimeError("A call ended without its answer.")


def _verdicts(batch: Sequence[Wanted], written: Written) -> dict[str, Verdict]:
    """Return what an answer means for each passage; one with other passages means nothing."""
    items = tidying_prompt.items_of(written.text, len(batch))
    if items is None:
        cut = " It was cut off." if written.truncated else ""
        refused = Verdict(refusal=f"The answer does not hold the passages asked for.{cut}")
        return {each.key: refused for each in batch}
    return {
        each.key: tidying_results.judged(each.text, item)
        for each, item in zip(batch, items, strict=True)
    }


def _keep(work: _Work, call_id: str, verdicts: dict[str, Verdict], written: Written) -> None:
    """Keep results with what they cost, also where the job was cancelled meanwhile."""
    subject, usage = work.subject, written.usage
    call = paid_call(
        call_id,
        job_id=subject.job_id,
        purpose="clean",
        provider=usage.adapter,
        model=usage.model,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cost=cost_of(usage, work.runtime.settings.token_prices),
    )
    with work.runtime.database.write() as session:
        tidying_results.keep(session, verdicts)
        note_paid(session, subject.job_id, [call])
    refused = sum(verdict.refusal is not None for verdict in verdicts.values())
    log.info(
        "passages.tidied",
        document_id=subject.document_id,
        passages=len(verdicts),
        rejected=refused,
        tokens=usage.prompt_tokens + usage.completion_tokens,
    )


def _apply(work: _Work) -> None:
    """Give passages their repaired texts, and the job a warning of those that have no answer."""
    runtime, subject = work.runtime, work.subject
    with runtime.database.write() as session:
        job = subject.job_in(session)
        chunks = session.scalars(
            sa.select(Chunk).where(_of(subject), Chunk.cleaning_key.is_not(None))
        ).all()
        verdicts = tidying_results.found(session, {str(each.cleaning_key) for each in chunks})
        for chunk in chunks:
            verdict = verdicts.get(str(chunk.cleaning_key))
            if verdict is not None and verdict.text is not None and verdict.text != chunk.text:
                chunk.text = verdict.text
                chunk.embedding_key = embedding_key(runtime, subject, chunk)
        left = sum(chunk.cleaning_key not in verdicts for chunk in chunks)
        others = [each for each in job.warnings if each.get("code") != NOT_CLEANED]
        job.warnings = others + ([_warning(left, len(chunks), work.reason)] if left else [])
        count = session.scalar(sa.select(sa.func.count()).where(_of(subject))) or 0
        jobs.advance(session, job, done=0, total=count, unit="chunks", event="job.progress")


def _warning(left: int, needed: int, reason: str | None) -> dict[str, str]:
    why = reason or "There was no answer."
    message = f"{left} of {needed} passages that needed cleaning stay as they were read. {why}"
    return {"code": NOT_CLEANED, "message": message}


def _of(subject: Subject) -> sa.ColumnElement[bool]:
    return sa.and_(Chunk.document_id == subject.document_id, Chunk.version == subject.version)
