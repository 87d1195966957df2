"""Taking items in: documents, child jobs and the position of an import in one transaction.

A source's workflow gives its items in batches. A batch is kept as a whole or not at all, so that
a worker that dies goes on with the batch it was at; one that was kept is not kept again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.database import insert_new
from ragline.documents import service as documents
from ragline.documents.schemas import TakenFile
from ragline.documents.storing import Submission
from ragline.engine import queues
from ragline.errors import Overloaded, RaglineError
from ragline.failpoints import failpoint
from ragline.imports.keeping import Kept, better_there, keep_contents, note
from ragline.imports.sources import Item, ItemWarning
from ragline.ingestion.files import remove_file
from ragline.jobs import control, ending
from ragline.jobs import service as jobs
from ragline.jobs.undoing import Undoing
from ragline.jobs.wishes import NO_WISHES, Wishes
from ragline.models import Import, ImportFile, Job, JobTag, now

T = TypeVar("T")
Position = Mapping[str, Any]
"""Where a source goes on: JSON of its own."""

BACKLOG_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Items that follow one another, with where they begin and where the next ones do.

    `before` is None for the first batch of an import.
    """

    items: Sequence[Item]
    before: Position | None
    after: Position
    warnings: Sequence[ItemWarning] = ()


def accept_import(
    session: Session,
    runtime: Runtime,
    job: Job,
    *,
    workflow: str,
    source: Mapping[str, Any],
    files: Sequence[ImportFile] = (),
    wishes: Wishes = NO_WISHES,
) -> None:
    """Queue a job of kind `import` with the workflow that takes its items in.

    `source` says what is imported, `files` what is kept until all is taken. The job becomes the
    parent of the documents' jobs and ends with the last of them.
    """
    job.progress_unit = job.progress_unit or "documents"
    jobs.accept(
        session,
        runtime,
        job,
        workflow=workflow,
        queue=queues.DEFAULT,
        timeout_seconds=runtime.settings.import_seconds,
        wishes=wishes,
    )
    insert_new(session, Import(job_id=job.id, source=dict(source)))
    insert_new(session, *files)


def position(runtime: Runtime, job_id: str) -> Position | None:
    """Return where the import goes on, or None at its beginning."""
    with runtime.database.read() as session:
        return session.get_one(Import, job_id).position


def take(runtime: Runtime, job_id: str, workflow_id: str, batch: Batch) -> None:
    """Keep a batch: its contents, its documents, their jobs and the position behind it.

    A second run finds the position and changes nothing. An item that cannot be taken becomes a
    warning that names it. Waits while the backlog is full. Raises `Superseded` where the import
    was cancelled, or another attempt took over.
    """
    if position(runtime, job_id) != batch.before:
        return
    stored, refused = keep_contents(runtime, batch.items)
    failpoint("import.stored")
    warnings = [*batch.warnings, *refused]
    dropped = with_room(
        runtime,
        job_id,
        workflow_id,
        lambda: _write(runtime, job_id, workflow_id, batch, stored, warnings),
    )
    failpoint("import.kept")
    for content_hash in dropped:
        # The clean-up finds what stays.
        with suppress(RaglineError, OSError):
            remove_file(runtime, content_hash)


def with_room(runtime: Runtime, job_id: str, workflow_id: str, write: Callable[[], T]) -> T:
    """Return what a transaction gives, tried again as long as the backlog is full."""
    while True:
        try:
            return write()
        except Overloaded:
            with runtime.database.write() as session:
                jobs.open_job(session, job_id, workflow_id)
            runtime.engine.pause(BACKLOG_SECONDS)


def move_on(
    session: Session,
    job_id: str,
    workflow_id: str,
    batch: Batch,
    told: Sequence[TakenFile],
    warnings: Sequence[ItemWarning],
    *,
    passed_over: int = 0,
) -> None:
    """Note what became of a batch and move the position behind it, last in its transaction.

    A child that ends locks its document and itself before its parent. Raises `Superseded` where
    another attempt has taken the batch.
    """
    job = jobs.open_job(session, job_id, workflow_id)
    row = session.get_one(Import, job_id, populate_existing=True)
    if row.position != batch.before:
        raise jobs.Superseded("Another attempt has taken these items.")
    row.position = dict(batch.after)
    note(job, row, told, warnings, passed_over=passed_over)
    looked_at = max(len(batch.items), len(told) + passed_over)
    left_out = looked_at - sum(each.job_id is not None for each in told)
    jobs.advance(
        session,
        job,
        done=job.progress_done,
        total=max((job.progress_total or 0) - left_out, 0),
        unit=job.progress_unit,
        event="job.progress",
        taken=row.counts["items"],
    )


def finish(runtime: Runtime, job_id: str, workflow_id: str) -> None:
    """Note that all items are taken: the job ends with its last child, at once if all ended.

    Call it last in the workflow: from here on nothing of the attempt may change the job.
    """
    with runtime.database.write() as session:
        job = jobs.open_job(session, job_id, workflow_id)
        row = session.get_one(Import, job_id)
        row.taken_at = now()
        job.result = dict(row.counts)
        # From here on it is a parent like any other, without work of its own.
        job.workflow_id = None
        job.progress_total = None
        hashes = session.scalars(
            sa.delete(ImportFile)
            .where(ImportFile.job_id == job_id)
            .returning(ImportFile.content_hash)
        ).all()
        session.flush()
        ending.end_if_children_have(session, job_id)
    failpoint("import.finished")
    for content_hash in hashes:
        with suppress(RaglineError, OSError):
            remove_file(runtime, content_hash)


def remove(runtime: Runtime, job: Job) -> dict[str, int]:
    """Cancel the documents' jobs of an import that was cancelled while it was taken in."""
    with runtime.database.read() as session:
        children = session.scalars(
            sa.select(Job.id).where(Job.parent_id == job.id, Job.outcome.is_(None)).order_by(Job.id)
        ).all()
    cancelled = 0
    for child_id in children:
        with suppress(RaglineError):  # it has ended since, or was deleted
            control.cancel(runtime, job.tenant_id, child_id)
            cancelled += 1
    return {"documents": cancelled}


UNDOING = Undoing(give_up=jobs.give_up, remove=remove)


def _write(
    runtime: Runtime,
    job_id: str,
    workflow_id: str,
    batch: Batch,
    stored: Sequence[Kept],
    warnings: Sequence[ItemWarning],
) -> set[str]:
    """Write a batch in one transaction; return the hashes of files that may be needed no more."""
    dropped: set[str] = set()
    with runtime.database.write() as session:
        job = session.get_one(Job, job_id)
        better = better_there(session, str(job.project_id), [each.item for each in stored])
        passed_over = [each for each in stored if each.item.identity in better]
        dropped |= {each.upload.blob.content_hash for each in passed_over}
        wanted = [each.upload for each in stored if each.item.identity not in better]
        told: list[TakenFile] = []
        if wanted:
            tags = session.scalars(sa.select(JobTag.tag).where(JobTag.job_id == job_id)).all()
            wishes = Wishes(job.priority, None, tuple(tags))
            clean = session.get_one(Import, job_id).source.get("clean")
            submission = Submission(wanted, wishes=wishes, parent_id=job_id, clean=clean)
            told = documents.keep_all(
                runtime, job.tenant_id, str(job.project_id), [submission], dropped=dropped
            )[0].files
        move_on(session, job_id, workflow_id, batch, told, warnings, passed_over=len(passed_over))
    return dropped
