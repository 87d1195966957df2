"""What every worker looks after, for all jobs: work of the dead, and ends without an outcome."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.engine import attempts
from ragline.engine.rows import OPEN, workflows
from ragline.errors import RaglineError
from ragline.jobs.events import record
from ragline.jobs.undoing import Undoing, end_cancelled
from ragline.models import Job


def note_recovered(runtime: Runtime, workflow_ids: list[str]) -> None:
    """Record that the work of a dead worker went back into its queue."""
    with runtime.database.write() as session:
        # Locked: one that ends meanwhile must have no event after its last one.
        jobs = session.scalars(
            sa.select(Job)
            .where(Job.workflow_id.in_(workflow_ids), Job.outcome.is_(None))
            .order_by(Job.id)
            .with_for_update(key_share=True)
        ).all()
        for job in jobs:
            record(session, job, "job.recovered")


def settle(runtime: Runtime, undoings: Mapping[str, Undoing]) -> None:
    """End jobs whose workflow the engine ended alone, by a limit of its own."""
    with runtime.database.read() as session:
        stranded = session.execute(_STRANDED).all()
        unfinished = session.execute(_UNDO_ENDED).all()
    for job_id, kind, workflow_id, status in stranded:
        if kind not in undoings:
            continue  # a newer release's, whose own workers look after it
        reason = RaglineError(_ALONE.get(status, _ALONE["ERROR"]))
        # By its workflow, since the job may have been retried after this look.
        undoings[kind].give_up(runtime, job_id, reason, workflow_id)
        with runtime.database.write() as session:
            attempts.cancel_children(session, workflow_id)
    for job_id, kind, workflow_id in unfinished:
        assert workflow_id is not None, "it was joined on"
        if kind not in undoings:
            continue
        # Some of it may be gone: a retry must not take these steps for done.
        end_cancelled(runtime, job_id, workflow_id, {}, undoings[kind].steps)


_STRANDED = (
    sa.select(Job.id, Job.kind, workflows.c.workflow_uuid, workflows.c.status)
    .join(workflows, workflows.c.workflow_uuid == Job.workflow_id)
    .where(
        Job.outcome.is_(None),
        Job.cancel_requested_at.is_(None),
        workflows.c.status.not_in(OPEN),
    )
)
_UNDO_ENDED = (
    sa.select(Job.id, Job.kind, Job.workflow_id)
    .join(workflows, workflows.c.workflow_uuid == Job.workflow_id + "-undo")
    .where(
        Job.outcome.is_(None),
        Job.cancel_requested_at.is_not(None),
        workflows.c.status.not_in(OPEN),
    )
)
_ALONE = {
    "CANCELLED": "The job passed its time limit and was stopped. Retry it to go on from where "
    "it stopped.",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "The job's worker died too often; it was stopped.",
    "ERROR": "The job ended without a result; the server's log says more.",
}
