"""What users do with jobs that exist: cancel, retry, dismiss."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.database import LOCKED
from ragline.engine import attempts
from ragline.errors import Conflict, NotFound
from ragline.failpoints import failpoint
from ragline.jobs import ending, undoing
from ragline.jobs.events import record
from ragline.jobs.service import place_of
from ragline.jobs.states import ENDED, IRREVOCABLE, RETRIED
from ragline.models import Attempt, Document, Job, now

TIDYING = ("abandon", "give_up")
"""Steps of workflows that only end a job that failed; a retry begins before them."""


def cancel(runtime: Runtime, tenant_id: str, job_id: str) -> None:
    """Stop a job and undo what it built; a parent's children with it.

    What waits is cancelled at once. What runs is stopped at its next step, or by killing its
    child process, and undone by a workflow of its own, which ends the job. Cancelling twice
    is allowed.

    Raises:
        NotFound: the tenant has no such job.
        Conflict: it has completed or failed, or is of a kind that cannot be cancelled.
    """
    with runtime.database.write() as session:
        job = _owned(session, tenant_id, job_id)
        if job.kind in IRREVOCABLE:
            raise Conflict("A deletion cannot be cancelled: what it removed so far is gone.")
        if job.outcome in ENDED and job.outcome != "cancelled":
            raise Conflict(f"This job has {job.outcome}; only open jobs can be cancelled.")
        _cancel(session, runtime, job)
        failpoint("cancel.committing")
    failpoint("cancel.committed")


def retry(runtime: Runtime, tenant_id: str, job_id: str) -> None:
    """Begin another attempt of a job at the step that did not succeed; id and history stay.

    Of a parent, the children that failed or were cancelled are tried again.

    Raises:
        NotFound: the tenant has no such job.
        Conflict: it has not failed nor been cancelled, or a later job took its place.
    """
    with runtime.database.write() as session:
        job = _owned(session, tenant_id, job_id)
        if job.outcome not in RETRIED:
            state = "completed" if job.outcome else "not ended"
            raise Conflict(f"This job has {state}; only failed or cancelled ones are retried.")
        _retry(session, runtime, job)
        failpoint("retry.committing")
    failpoint("retry.committed")


def retry_all(runtime: Runtime, tenant_id: str, job_ids: Sequence[str]) -> list[str]:
    """Retry each of these jobs that can be; return their ids."""
    retried = []
    for job_id in job_ids:
        try:
            retry(runtime, tenant_id, job_id)
        except (Conflict, NotFound):
            continue  # it was retried, replaced or deleted meanwhile
        retried.append(job_id)
    return retried


def dismiss(runtime: Runtime, tenant_id: str, job_id: str) -> None:
    """Let a failed job go at the next clean-up instead of keeping it as a dead letter.

    Raises:
        NotFound: the tenant has no such job.
        Conflict: it has not failed.
    """
    with runtime.database.write() as session:
        job = _owned(session, tenant_id, job_id)
        if job.outcome != "failed":
            raise Conflict("Only a failed job can be dismissed.")
        job.dismissed_at = job.dismissed_at or now()


def _cancel(session: Session, runtime: Runtime, job: Job) -> None:
    if job.outcome is not None:
        return
    if job.workflow_id is None:
        job.cancel_requested_at = job.cancel_requested_at or now()
        # Each time: a child that was cancelled may have been retried alone since.
        for child in _open_children(session, job.id):
            _cancel(session, runtime, child)
        return
    if job.cancel_requested_at is not None:
        return
    was = attempts.cancel(session, job.workflow_id)
    if was == "waiting" and job.started_at is None:
        ending.end(session, job, "cancelled", result={"undone": {}})
        return
    # Also where the engine has just ended: its outcome is not written, so it has not published.
    job.cancel_requested_at = now()
    session.flush()
    undoing.enqueue(session, runtime, job)


def _retry(session: Session, runtime: Runtime, job: Job) -> None:
    _take_next_version(session, job)
    # What a dismissed job built may have been cleaned up.
    kept = job.dismissed_at is None
    job.outcome = job.error = job.finished_at = None
    if job.workflow_id is not None:
        job.result = None
    job.cancel_requested_at = job.dismissed_at = job.waiting_for = None
    if job.workflow_id is None:
        _retry_children(session, runtime, job)
        return
    number = 1 + (
        session.scalar(sa.select(sa.func.max(Attempt.number)).where(Attempt.job_id == job.id)) or 1
    )
    source, job.workflow_id = job.workflow_id, f"{job.id}-{number}"
    first_step = attempts.first_unfinished(session, source, undo=TIDYING) if kept else 1
    session.add(
        Attempt(job_id=job.id, number=number, workflow_id=job.workflow_id, first_step=first_step)
    )
    record(session, job, "job.retrying", attempt=number, first_step=first_step)
    session.flush()
    runtime.engine.fork(session, place_of(job), source=source, first_step=first_step)
    _retry_each(session, runtime, job)


def _retry_children(session: Session, runtime: Runtime, parent: Job) -> None:
    record(session, parent, "job.retrying")
    session.flush()
    _retry_each(session, runtime, parent)
    ending.end_if_children_have(session, parent.id)


def _retry_each(session: Session, runtime: Runtime, parent: Job) -> None:
    """Try the children again that failed or were cancelled."""
    children = _ended_children(session, parent.id)
    # Whoever locks several documents does so in the order of their ids.
    documents = sa.select(Document.id).where(
        Document.id.in_([child.document_id for child in children])
    )
    session.execute(documents.order_by(Document.id).with_for_update(key_share=True))
    for child in children:
        with suppress(Conflict):  # its document was deleted or uploaded again since
            _retry(session, runtime, child)


def _take_next_version(session: Session, job: Job) -> None:
    """Let the attempt build a version of its own, which no late write of another one reaches.

    Raises `Conflict` where the document is gone, or a later job builds it.
    """
    if job.document_id is None:
        return
    document = session.get(Document, job.document_id, with_for_update=LOCKED)
    if document is None:
        raise Conflict("The document was deleted since; upload it again.")
    if job.version != document.latest_version:
        raise Conflict("The document was uploaded again since; its later job counts.")
    document.latest_version += 1
    job.version = document.latest_version


def _owned(session: Session, tenant_id: str, job_id: str) -> Job:
    """Return a job for changing it, its children locked before it.

    A child that ends locks its own row before its parent's; the other order could deadlock.
    """
    mine = sa.select(Job).where(Job.id == job_id, Job.tenant_id == tenant_id)
    job = session.scalar(mine)
    if job is None:
        raise NotFound(f"There is no job with the id {job_id!r}.")
    children = sa.select(Job.id).where(Job.parent_id == job_id).order_by(Job.id)
    session.execute(children.with_for_update(key_share=True))
    return session.scalars(
        mine.with_for_update(key_share=True).execution_options(populate_existing=True)
    ).one()


def _open_children(session: Session, parent_id: str) -> Sequence[Job]:
    query = sa.select(Job).where(Job.parent_id == parent_id, Job.outcome.is_(None))
    return session.scalars(query.order_by(Job.id)).all()


def _ended_children(session: Session, parent_id: str) -> Sequence[Job]:
    query = sa.select(Job).where(Job.parent_id == parent_id, Job.outcome.in_(RETRIED))
    return session.scalars(query.order_by(Job.id)).all()
