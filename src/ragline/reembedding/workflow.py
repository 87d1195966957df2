"""Re-embedding as a durable workflow: fill, check, swap; the old index answers until the end."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import structlog

from ragline.bootstrap import Runtime
from ragline.engine.retry import COMPUTE, LOCAL, cause_of
from ragline.errors import Conflict, NotFound, RaglineError
from ragline.failpoints import failpoint
from ragline.indexes import workflow as indexes
from ragline.indexes.filling import fill
from ragline.indexes.passages import coverage
from ragline.jobs import service as jobs
from ragline.jobs.undoing import Undoing
from ragline.models import Job, Project
from ragline.reembedding.comparing import compare
from ragline.reembedding.removing import let_go
from ragline.reembedding.schemas import CheckWish
from ragline.reembedding.swapping import (
    REEMBED,
    better_after,
    is_complete,
    locked,
    refuse_second,
    swap,
)

# The check asks one question after the other; this often it looks whether it is still wanted.
LOOK_QUESTIONS = 10

log = structlog.get_logger()


def register(runtime: Runtime) -> None:
    """Make re-embedding known to the engine."""
    runtime.engine.register(REEMBED, lambda job_id: reembed(runtime, job_id))


def reembed(runtime: Runtime, job_id: str) -> None:
    """Fill another index for a project and have it answer, or end the job with the reason."""
    engine = runtime.engine
    attempt = engine.workflow_id()
    try:
        engine.patiently(jobs.begin, runtime, job_id)
        wanted = engine.patiently(_claim, runtime, job_id, attempt)
        if wanted["stale"]:
            engine.step(remove_stale, LOCAL, runtime, job_id)
        verdict, gone = None, None
        while gone is None:
            verdict = _filled(runtime, job_id, wanted["index_id"], verdict)
            if verdict is None:
                continue
            if not verdict["passed"] and not wanted["force"]:
                engine.step(reject, LOCAL, runtime, job_id, attempt, verdict)
                return
            gone = engine.step(swap_in, LOCAL, runtime, job_id, attempt, verdict)
        failpoint("reembed.swapped")
        for index_id in gone:
            engine.step(remove_index, LOCAL, runtime, job_id, index_id)
    except jobs.Superseded:
        raise  # whoever superseded this attempt ends it
    except Exception as error:
        engine.patiently(jobs.give_up, runtime, job_id, cause_of(error), attempt)
        raise


def _filled(
    runtime: Runtime, job_id: str, index_id: str, verdict: dict[str, Any] | None
) -> dict[str, Any] | None:
    """Fill the new index and check it once; return what the check found."""
    engine = runtime.engine
    while engine.step(fill, COMPUTE, runtime, job_id, index_id, is_asked_for=True):
        pass
    failpoint("reembed.filled")
    if verdict is None:
        verdict = engine.step(check, COMPUTE, runtime, job_id)
        failpoint("reembed.checked")
    return verdict


def _claim(runtime: Runtime, job_id: str, workflow_id: str) -> dict[str, Any]:
    """Have documents reach the new index from now on, and return what is wanted.

    Runs at each start: a retry comes after the filled part was taken away. Raises `Conflict`
    where another job has begun to re-embed the project meanwhile, or has done the same.
    """
    wanted = _wanted(runtime, job_id)
    with runtime.database.write() as session:
        jobs.open_job(session, job_id, workflow_id)
        project = locked(session, wanted["project_id"])
        if project is None or project.deleted_at is not None:
            raise _deleted()
        refuse_second(session, project.id, but=job_id)
        if project.index_id == wanted["index_id"]:
            raise Conflict("The project is searched in this index already.")
        project.filling_index_id = wanted["index_id"]
    return wanted


def remove_stale(runtime: Runtime, job_id: str) -> int:
    """Remove what an earlier job put into an index that is not wanted any more."""
    wanted = _wanted(runtime, job_id)
    return let_go(runtime, wanted["project_id"], wanted["stale"])


def check(runtime: Runtime, job_id: str) -> dict[str, Any] | None:
    """Return whether the new index may answer, with numbers; a second run asks again.

    None where it fell short while it lacked passages, which were published meanwhile: it is to
    be filled and checked once more.
    """
    wanted, workflow_id = _wanted(runtime, job_id), runtime.engine.workflow_id()
    project_id, index_id = wanted["project_id"], wanted["index_id"]

    def on_asked(number: int) -> None:
        runtime.engine.pause(0)
        if number % LOOK_QUESTIONS == 0:
            with runtime.database.read() as session:
                jobs.open_job(session, job_id, workflow_id)

    _refuse_deleted(runtime, project_id)
    wish = CheckWish.model_validate(wanted["check"])
    verdict = compare(runtime, project_id, index_id, wish, on_asked=on_asked)
    told = {**asdict(verdict), "reasons": list(verdict.reasons)}
    with runtime.database.write() as session:
        job = jobs.open_job(session, job_id, workflow_id)
        covered = coverage(session, project_id, index_id)
        jobs.advance(
            session,
            job,
            done=covered.chunks,
            total=covered.of,
            unit="chunks",
            event="job.progress",
            check=told,
        )
    log.info("reembed.checked", job_id=job_id, passed=verdict.passed, overlap=verdict.overlap)
    return told if verdict.passed or covered.is_complete else None


def reject(runtime: Runtime, job_id: str, workflow_id: str, verdict: dict[str, Any]) -> None:
    """Leave the old index as it is, and remove the new one; a second run finds the job ended."""
    wanted = _wanted(runtime, job_id)
    project_id, index_id = wanted["project_id"], wanted["index_id"]
    with runtime.database.write() as session:
        jobs.open_job(session, job_id, workflow_id)
        project = locked(session, project_id)
        if project is not None and project.filling_index_id == index_id:
            project.filling_index_id = None
    removed = let_go(runtime, project_id, index_id)
    with runtime.database.write() as session:
        job = jobs.open_job(session, job_id, workflow_id)
        reasons = " ".join(verdict["reasons"])
        jobs.complete(
            session,
            job,
            result={"swapped": False, "check": verdict, "removed": {"vectors": removed}},
            warnings=[
                {
                    "code": "check-failed",
                    "message": f"The project is searched as before. {reasons} Send it again with "
                    "`force` to swap all the same.",
                }
            ],
        )


def swap_in(
    runtime: Runtime, job_id: str, workflow_id: str, verdict: dict[str, Any]
) -> list[str] | None:
    """Search the project in the new index and end the job, in one transaction.

    Returns the indexes that it has no more, or None where the new one still lacks passages that
    were published meanwhile.
    """
    wanted = _wanted(runtime, job_id)
    index_id = wanted["index_id"]
    project = _refuse_deleted(runtime, wanted["project_id"])
    better = better_after(runtime, project, index_id)
    with runtime.database.write() as session:
        job = jobs.open_job(session, job_id, workflow_id)
        row = locked(session, wanted["project_id"])
        if row is None:
            raise _deleted()
        if not is_complete(session, row, index_id):
            return None
        gone = swap(runtime, session, row, index_id, better=better)
        # Ended with the swap itself: there is no moment at which one is true without the other.
        jobs.complete(
            session,
            job,
            result={
                "swapped": True,
                "index_id": index_id,
                "previous_index_id": row.previous_index_id,
                "check": verdict,
            },
            warnings=_warnings(verdict),
        )
        failpoint("reembed.swapping")
    log.info("project.reembedded", project_id=wanted["project_id"], index_id=index_id)
    return gone


def remove_index(runtime: Runtime, job_id: str, index_id: str) -> int:
    """Remove what the project left in an index; what stays is found as strays."""
    try:
        return let_go(runtime, _wanted(runtime, job_id)["project_id"], index_id)
    except RaglineError as error:
        log.warning("vectors.left", index_id=index_id, error=error.message)
        return 0


def _warnings(verdict: dict[str, Any]) -> list[dict[str, str]]:
    if verdict["passed"]:
        return []
    return [
        {"code": "check-failed", "message": f"Swapped by force. {' '.join(verdict['reasons'])}"}
    ]


def _refuse_deleted(runtime: Runtime, project_id: str) -> Project:
    with runtime.database.read() as session:
        project = session.get(Project, project_id)
    if project is None or project.deleted_at is not None:
        raise _deleted()
    return project


def _deleted() -> NotFound:
    return NotFound("The project was deleted while it was being re-embedded.")


def _wanted(runtime: Runtime, job_id: str) -> dict[str, Any]:
    """Return what the job was accepted with, and its project."""
    with runtime.database.read() as session:
        job = session.get_one(Job, job_id)
    return {**(job.inputs or {}), "project_id": job.project_id}


def remove(runtime: Runtime, job: Job) -> dict[str, int]:
    """Take away what a cancelled attempt filled; safe to run twice, and after a swap."""
    if job.workflow != REEMBED:
        return indexes.UNDOING.remove(runtime, job)
    index_id = (job.inputs or {}).get("index_id")
    if index_id is None or job.project_id is None:
        return {}
    with runtime.database.write() as session:
        project = locked(session, job.project_id)
        if project is not None and project.filling_index_id == index_id:
            project.filling_index_id = None
    return {"vectors": let_go(runtime, job.project_id, index_id)}


def give_up(runtime: Runtime, job_id: str, error: BaseException, workflow_id: str) -> None:
    """End an attempt as failed; what it filled stays for a retry."""
    with runtime.database.read() as session:
        workflow = session.get_one(Job, job_id).workflow
    undoing = jobs.give_up if workflow == REEMBED else indexes.UNDOING.give_up
    undoing(runtime, job_id, error, workflow_id)


UNDOING = Undoing(
    give_up=give_up,
    remove=remove,
    steps=("remove_stale", "fill", "check", *indexes.UNDOING.steps),
)
