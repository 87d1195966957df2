"""A repair as a durable workflow: part by part, each difference by what its kind asks for.

Each part looks anew, so that a second run repairs what is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import structlog

from ragline.bootstrap import Runtime
from ragline.doctor import files, products, repairing, rows, setup, vectors
from ragline.doctor.differences import Difference, Kind
from ragline.doctor.looked import Looked
from ragline.engine.retry import COMPUTE, cause_of
from ragline.errors import RaglineError
from ragline.failpoints import failpoint
from ragline.indexes.opening import every_index
from ragline.indexes.putting import Work
from ragline.jobs import service as jobs
from ragline.maintenance.vectors import remove_vectors
from ragline.models import Job

REPAIR = "repair"
KIND = "maintenance"
TIMEOUT_SECONDS = 7 * 24 * 3600
PARTS = ("rows", "strays", "vectors", "products", "files")
MOST_SENTENCES = 100

log = structlog.get_logger()


def register(runtime: Runtime) -> None:
    """Make repairs known to the engine."""
    runtime.engine.register(REPAIR, lambda job_id: repair(runtime, job_id))


def repair(runtime: Runtime, job_id: str) -> None:
    """Repair what differs; the job's result says what was done, and what is left."""
    engine = runtime.engine
    attempt = engine.workflow_id()
    try:
        engine.patiently(jobs.begin, runtime, job_id)
        for number, part in enumerate(PARTS, start=1):
            engine.step(_repair_part, COMPUTE, runtime, job_id, part, number)
        engine.step(_finish, COMPUTE, runtime, job_id, attempt)
    except jobs.Superseded:
        raise
    except Exception as error:
        engine.patiently(jobs.give_up, runtime, job_id, cause_of(error), attempt)
        raise


def _repair_part(runtime: Runtime, job_id: str, part: str, number: int) -> None:
    workflow_id = runtime.engine.workflow_id()
    work = repairing.work_of(runtime, job_id)
    repaired: Counter[str] = Counter()
    sentences: list[str] = []
    if part == "strays":
        sentences += _remove_strays(runtime, repaired)
    else:
        for difference in _of_part(runtime, part, _project_of(runtime, job_id)):
            runtime.engine.pause(0)
            sentences += _repair_one(runtime, difference, work, repaired)
    failpoint("doctor.part_repaired")
    with runtime.database.write() as session:
        job = jobs.open_job(session, job_id, workflow_id)
        job.result = _with(job.result, repaired, sentences)
        jobs.advance(
            session, job, done=number, total=len(PARTS) + 1, unit="steps", event="job.progress"
        )


def _repair_one(
    runtime: Runtime, difference: Difference, work: Work, repaired: Counter[str]
) -> list[str]:
    """Repair one difference and count what was done; what fails is told and not tried again."""
    if not difference.repairable or difference.kind not in _REPAIRS:
        return []
    try:
        count = _REPAIRS[difference.kind](runtime, difference, work)
    except RaglineError as error:
        if error.retryable:
            raise
        log.warning("doctor.not_repaired", kind=difference.kind, error=error.message)
        return [f"{difference.message} It could not be repaired: {error.message}"]
    repaired[difference.kind] += count
    return [difference.message] if count else []


def _remove_strays(runtime: Runtime, repaired: Counter[str]) -> list[str]:
    def note(_session: Any, _what: str, removed: Any) -> None:
        repaired["stray-vectors"] += removed.count

    sentences: list[str] = []
    for index in every_index(runtime):
        try:
            sentences += remove_vectors(runtime.database, [index], note=note)
        except RaglineError as error:
            if error.retryable:
                raise
            log.warning("doctor.index_left", embedder=index.spec, error=error.message)
    return sentences


def _finish(runtime: Runtime, job_id: str, workflow_id: str) -> None:
    """Look once more, and end the job with what is left."""
    left = [
        difference.message
        for part in ("setup", *PARTS)
        for difference in _of_part(runtime, part, _project_of(runtime, job_id))
    ]
    with runtime.database.write() as session:
        job = jobs.open_job(session, job_id, workflow_id)
        result = _with(job.result, Counter(), [])
        result |= {"left": left[:MOST_SENTENCES], "left_in_all": len(left)}
        jobs.complete(session, job, result=result)
    log.info("doctor.repaired", job_id=job_id, left=len(left), **result["removed"])


def _with(
    result: Mapping[str, Any] | None, repaired: Counter[str], sentences: list[str]
) -> dict[str, Any]:
    """Return the result with more on it; strays count as removed, all else as repaired."""
    known = result or {"removed": {}, "repaired": {}, "differences": []}
    removed, mended = Counter(known["removed"]), Counter(known["repaired"])
    for kind, count in repaired.items():
        (removed if "stray" in kind else mended)[kind] += count
    return {
        **known,
        "removed": dict(+removed),
        "repaired": dict(+mended),
        "differences": [*known["differences"], *sentences][:MOST_SENTENCES],
    }


def _project_of(runtime: Runtime, job_id: str) -> str | None:
    with runtime.database.read() as session:
        return (session.get_one(Job, job_id).inputs or {}).get("project_id")


def _of_part(runtime: Runtime, part: str, project_id: str | None) -> Iterator[Difference]:
    if part == "vectors":
        yield from vectors.look(runtime, Looked(), project_id=project_id)
    elif project_id is None and part in _LOOKS:
        yield from _LOOKS[part](runtime, Looked())


_LOOKS: Mapping[str, Callable[[Runtime, Looked], Iterator[Difference]]] = {
    "setup": lambda runtime, _looked: setup.look(runtime),
    "rows": lambda runtime, _looked: rows.look(runtime),
    "products": products.look,
    "files": files.look,
}
Repair = Callable[[Runtime, Difference, Work], int]


def _without_work(repair: Callable[[Runtime, Difference], int]) -> Repair:
    return lambda runtime, difference, _work: repair(runtime, difference)


_REPAIRS: Mapping[Kind, Repair] = {
    "missing-vectors": repairing.repair_document,
    "stray-vectors": repairing.repair_document,
    "wrong-version": repairing.repair_document,
    "missing-embeddings": repairing.repair_document,
    "wrong-dimensions": repairing.repair_document,
    "missing-file": _without_work(files.repair_missing),
    "stray-file": _without_work(files.repair_stray),
    "stray-rows": _without_work(rows.repair),
    "product-missing-vectors": _without_work(products.repair_missing),
    "product-stray-vectors": _without_work(products.repair_stray),
    "product-stray-embeddings": _without_work(products.remove_orphans),
}
