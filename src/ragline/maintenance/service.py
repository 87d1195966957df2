"""Clean-ups: beginning one, by hand or by the clock, and looking at what one would do."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from ragline.accounts.service import FIRST_TENANT
from ragline.bootstrap import Runtime
from ragline.engine import queues
from ragline.engine.retry import LOCAL
from ragline.indexes.opening import every_index
from ragline.jobs import service as jobs
from ragline.jobs.reading import get_job
from ragline.jobs.undoing import Undoing
from ragline.maintenance import cleanup, expired, receipt, retention, rules, vectors, workflow
from ragline.maintenance.schemas import CleanupAccepted, CleanupPreview
from ragline.models import Job, Tenant, new_id

KIND = "maintenance"
SCHEDULE = "cleanup"
TICK = "begin_cleanup"
# Millions of old rows are removed in some hours; what is left then is taken up the next night.
TIMEOUT_SECONDS = 6 * 3600
_TICKS = uuid.UUID("6f0e3d5c-6a6b-4b1f-9f0a-0f6f4a3f7b11")

UNDOING = Undoing(give_up=jobs.give_up, remove=workflow.stop)
"""How a clean-up is undone: not at all; what it removed is of no use to anybody."""

log = structlog.get_logger()


def register(runtime: Runtime) -> None:
    """Make clean-ups known to the engine, and when they begin."""
    engine = runtime.engine
    engine.register(workflow.CLEAN_UP, lambda job_id: workflow.clean_up(runtime, job_id))
    engine.register(TICK, lambda moment, _context: on_tick(runtime, moment))
    engine.schedule(
        SCHEDULE, TICK, runtime.settings.cleanup_schedule, setting="RAGLINE_CLEANUP_SCHEDULE"
    )


def on_tick(runtime: Runtime, moment: datetime) -> None:
    """Begin the clean-up of a tick of the clock; the same tick begins one only."""
    runtime.engine.step(_begin_at, LOCAL, runtime, moment)


def begin_cleanup(runtime: Runtime) -> CleanupAccepted:
    """Queue a clean-up for the operators' tenant; return the one that is open if there is one."""
    with runtime.database.write() as session:
        tenant_id = session.scalars(_OPERATORS).one()
        job_id = _open_one(runtime, session) or _queue(runtime, session, tenant_id, new_id())
    return CleanupAccepted(job=get_job(runtime, tenant_id, job_id))


def preview(runtime: Runtime, now: datetime) -> CleanupPreview:
    """Return what a clean-up would remove at this moment, and change nothing."""
    database, old = runtime.database, retention.moments(runtime.settings, now)
    strays = list(vectors.stray_vectors(database, every_index(runtime)))
    files = list(cleanup.stray_files(database, runtime.blobs, now))
    with database.read() as session:
        counts = {
            rule.what: rules.count(session, rule)
            for rule in (*cleanup.rules(session, old), *retention.rules(old))
        }
        sentences = cleanup.sentences(session, old, limit=receipt.MOST_DIFFERENCES)
        of_expired = expired.count_expired(session, now)
    counts["documents"] = of_expired
    counts |= {"vectors": sum(stray.count for stray in strays), "files": len(files)}
    sentences += [stray.sentence for stray in strays]
    sentences += [cleanup.sentence_of_file(file) for file in files]
    return CleanupPreview(
        removed={what: count for what, count in counts.items() if count},
        differences=sentences[: receipt.MOST_DIFFERENCES],
    )


def _begin_at(runtime: Runtime, moment: datetime) -> str | None:
    job_id = str(uuid.uuid5(_TICKS, moment.isoformat()))
    with runtime.database.write() as session:
        tenant_id = session.scalar(_OPERATORS)
        is_open = _open_one(runtime, session) is not None
        if tenant_id is None or is_open or session.get(Job, job_id) is not None:
            log.info("cleanup.skipped", tick=moment.isoformat())
            return None
        return _queue(runtime, session, tenant_id, job_id)


def _open_one(runtime: Runtime, session: Session) -> str | None:
    """Return the open clean-up; until this transaction ends nobody begins another."""
    runtime.database.lock(session, KIND)
    return session.scalar(sa.select(Job.id).where(Job.kind == KIND, Job.outcome.is_(None)).limit(1))


def _queue(runtime: Runtime, session: Session, tenant_id: str, job_id: str) -> str:
    job = Job(id=job_id, tenant_id=tenant_id, kind=KIND, progress_unit="steps")
    jobs.accept(
        session,
        runtime,
        job,
        workflow=workflow.CLEAN_UP,
        queue=queues.DEFAULT,
        timeout_seconds=TIMEOUT_SECONDS,
    )
    return job_id


_OPERATORS = sa.select(Tenant.id).where(Tenant.name == FIRST_TENANT)
