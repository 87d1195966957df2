"""A clean-up as a durable workflow: what expired, strays, then what is old, part by part.

Each part looks for what may go and removes it a few rows at a time, so that a second run finds
what is left. Strays go first, since the jobs that tell of them may go with what is old.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.engine.retry import LOCAL, cause_of
from ragline.errors import ProviderError
from ragline.failpoints import failpoint
from ragline.indexes.opening import every_index
from ragline.jobs import service as jobs
from ragline.maintenance import cleanup, expired, receipt, retention, rules, totals, vectors
from ragline.maintenance.rules import Note, Removed
from ragline.models import Job
from ragline.reembedding.removing import remove_due

CLEAN_UP = "clean_up"
# Between two transactions others write; SQLite has one writer at a time.
PAUSE_SECONDS = 0.01
PARTS = ("expired", "versions", "vectors", "files", "old")

log = structlog.get_logger()


def clean_up(runtime: Runtime, job_id: str) -> None:
    """Remove strays and what is old; the receipt is the job's result."""
    engine = runtime.engine
    attempt = engine.workflow_id()
    try:
        engine.patiently(jobs.begin, runtime, job_id)
        for number, part in enumerate(PARTS, start=1):
            engine.step(_run_part, LOCAL, runtime, job_id, part, number)
        engine.step(_finish, LOCAL, runtime, job_id, attempt)
    except jobs.Superseded:
        raise
    except Exception as error:
        engine.patiently(jobs.give_up, runtime, job_id, cause_of(error), attempt)
        raise


def stop(_runtime: Runtime, job: Job) -> dict[str, int]:
    """Return what a cancelled clean-up removed; there is nothing to put back."""
    return dict(job.result["removed"]) if job.result else {}


def _run_part(runtime: Runtime, job_id: str, part: str, number: int) -> None:
    """Run a part; the time is that of the job's acceptance, the same on every run."""
    workflow_id = runtime.engine.workflow_id()
    with runtime.database.read() as session:
        now = session.get_one(Job, job_id).created_at

    def note(session: Session, what: str, removed: Removed) -> None:
        job = jobs.open_job(session, job_id, workflow_id)
        job.result = receipt.with_removal(job.result, what, removed)
        totals.add(session, what, removed)

    sentences = _WORK[part](runtime, now, note)
    failpoint("cleanup.part_removed")
    with runtime.database.write() as session:
        job = jobs.open_job(session, job_id, workflow_id)
        job.result = receipt.with_differences(job.result, sentences)
        jobs.advance(
            session, job, done=number, total=len(PARTS), unit="steps", event="job.progress"
        )


def _finish(runtime: Runtime, job_id: str, workflow_id: str) -> None:
    with runtime.database.write() as session:
        job = jobs.open_job(session, job_id, workflow_id)
        result = receipt.of(job.result)
        jobs.complete(session, job, result=result)
    log.info("cleanup.done", job_id=job_id, **result["removed"])


def _expired(runtime: Runtime, now: datetime, note: Note) -> list[str]:
    try:
        return expired.remove_expired(runtime, now, note=note, pause=_pause(runtime))
    except ProviderError as error:
        # Their rows are gone; the vectors are found as strays.
        return [f"Not all of what expired could be removed: {error.message}"]


def _versions(runtime: Runtime, now: datetime, note: Note) -> list[str]:
    old = retention.moments(runtime.settings, now)
    with runtime.database.read() as session:
        sentences = cleanup.sentences(session, old, limit=receipt.MOST_DIFFERENCES)
        stray_rules = cleanup.rules(session, old)
    # A retry must not find that a step was done whose pages are gone: its record goes first.
    for rule in (retention.steps(old), *stray_rules):
        rules.remove(runtime.database, rule, note=note, pause=_pause(runtime))
    return sentences


def _vectors(runtime: Runtime, now: datetime, note: Note) -> list[str]:
    left = remove_due(
        runtime,
        now,
        removed=lambda session, count: note(session, "previous_indexes", Removed(count)),
        pause=_pause(runtime),
    )
    try:
        return left + vectors.remove_vectors(
            runtime.database, every_index(runtime), note=note, pause=_pause(runtime)
        )
    except ProviderError as error:
        # What is old in the database can go all the same.
        return [*left, f"The index could not be looked through: {error.message}"]


def _files(runtime: Runtime, now: datetime, note: Note) -> list[str]:
    try:
        return cleanup.remove_files(
            runtime.database, runtime.blobs, now, note=note, pause=_pause(runtime)
        )
    except ProviderError as error:
        return [f"The stored files could not be looked through: {error.message}"]


def _old(runtime: Runtime, now: datetime, note: Note) -> list[str]:
    for rule in retention.rules(retention.moments(runtime.settings, now)):
        rules.remove(runtime.database, rule, note=note, pause=_pause(runtime))
    return []


def _pause(runtime: Runtime) -> Callable[[], None]:
    return lambda: runtime.engine.pause(PAUSE_SECONDS)


_WORK: dict[str, Callable[[Runtime, datetime, Note], list[str]]] = {
    "expired": _expired,
    "versions": _versions,
    "vectors": _vectors,
    "files": _files,
    "old": _old,
}
