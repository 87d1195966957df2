"""Step 1: read the file, page by page, into stored texts and the page ledger.

A page's text is stored under the hash of what decides it (`page_store.py`) before anything uses
it; a page whose text is stored is never read again.
"""

from __future__ import annotations

import time
from typing import TypedDict

import structlog
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.compute.limits import Limits
from ragline.compute.pool import ComputeError
from ragline.engine import queues
from ragline.engine.retry import COMPUTE
from ragline.errors import LimitExceeded, UnreadableFile
from ragline.failpoints import failpoint
from ragline.ingestion.page_facts import ReadPage, Wanting, runs
from ragline.ingestion.page_store import Batch
from ragline.ingestion.quality import read_judged
from ragline.ingestion.recognising import recognise
from ragline.ingestion.subject import Subject, described, load_subject
from ragline.jobs import service as jobs
from ragline.providers import tasks
from ragline.settings import Settings

READ_PAGES = "read_pages"
READ_NEWER = "read_newer_pages"
Ends = list[int]
"""First and last page, counted from 1 and included; a list, since steps speak JSON."""

log = structlog.get_logger()


class Plan(TypedDict):
    """The reader's name with its version, and the batches of pages it is to read."""

    reader: str
    batches: list[Ends]


def plan(runtime: Runtime, job_id: str) -> Plan:
    """Return what is to be read by whom; it is the same on every run.

    Raises `UnreadableFile` where the file cannot be opened at all.
    """
    subject = load_subject(runtime, job_id)
    with runtime.blobs.local(subject.content_hash) as path:
        reader, count = runtime.compute.run(
            tasks.outline,
            path,
            subject.media_type,
            limits=_limits(runtime.settings),
            owner=subject.owner,
        )
    if count > runtime.settings.max_pages:
        raise LimitExceeded(
            f"The document has {count} pages, more than the {runtime.settings.max_pages} allowed; "
            "split it, or raise RAGLINE_MAX_PAGES."
        )
    with runtime.database.write() as session:
        job = subject.job_in(session)
        described(session, subject).page_count = count
        jobs.advance(
            session,
            job,
            done=0,
            total=count,
            unit="pages",
            event="job.progress",
        )
    size = runtime.settings.pages_per_batch
    batches = [[first, min(first + size - 1, count)] for first in range(1, count + 1, size)]
    return {"reader": reader, "batches": batches}


def read_all(runtime: Runtime, job_id: str, plan: Plan) -> None:
    """Read one batch here; spread several over all workers as children on their own queue."""
    engine, reader, batches = runtime.engine, plan["reader"], plan["batches"]
    if len(batches) == 1:
        engine.step(read_batch, COMPUTE, runtime, job_id, reader, *batches[0])
        return
    parent, subject = engine.workflow_id(), engine.patiently(load_subject, runtime, job_id)
    engine.run_children(
        READ_NEWER if subject.replaces else READ_PAGES,
        queues.PAGES,
        {f"{parent}-pages-{first}": (job_id, reader, first, last) for first, last in batches},
        share_of=subject.tenant_id,
    )


def read_pages(runtime: Runtime, job_id: str, reader: str, first: int, last: int) -> None:
    """Read one batch of a large document, as a workflow of its own."""
    runtime.engine.step(read_batch, COMPUTE, runtime, job_id, reader, first, last)


def read_batch(runtime: Runtime, job_id: str, reader: str, first: int, last: int) -> int:
    """Read those pages of a batch that have no stored text; return how many were read.

    Those whose own text is not good enough are recognised on their pictures.
    """
    subject = load_subject(runtime, job_id)
    batch = Batch(subject, reader, first, last)
    with runtime.database.read() as session:
        missing = batch.standing(session).missing
    read = [
        page
        for first_missing, last_missing in runs(missing)
        for page in _read_run(runtime, subject, first_missing, last_missing)
    ]
    failpoint("ingest.pages_read")
    with runtime.database.write() as session:
        subject.job_in(session)
        batch.keep_own(session, read)
        session.flush()
        standing = batch.standing(session)
        unreadable = [page for page in read if page.text is None]
        hopeless = [
            page for page in unreadable if page.is_hopeless or not _has_eyes(runtime, subject)
        ]
        batch.list_own(session, standing.ready, read)
        for page in hopeless:
            _list_unreadable(batch, session, page)
        batch.advance(session, [*standing.ready, *(page.number for page in hopeless)])
    log.info("pages.stored", document_id=subject.document_id, first=first, last=last)
    failpoint("ingest.pages_stored")
    failed = [_wanting(page, reader) for page in unreadable if page not in hopeless]
    recognise(runtime, batch, sorted([*standing.wanting, *failed], key=lambda page: page.number))
    return len(read)


def _read_run(runtime: Runtime, subject: Subject, first: int, last: int) -> list[ReadPage]:
    """Read neighbouring pages in a child; halve the run around a page that cannot be read."""
    started = time.monotonic()
    try:
        with runtime.blobs.local(subject.content_hash) as path:
            pages = runtime.compute.run(
                read_judged,
                path,
                subject.media_type,
                first,
                last,
                limits=_limits(runtime.settings),
                owner=subject.owner,
            )
    except (UnreadableFile, ComputeError) as error:
        if first < last:
            middle = (first + last) // 2
            return [
                *_read_run(runtime, subject, first, middle),
                *_read_run(runtime, subject, middle + 1, last),
            ]
        hopeless = isinstance(error, LimitExceeded)
        took = time.monotonic() - started
        return [ReadPage(first, None, took, error.message, is_hopeless=hopeless)]
    log.info("pages.read", document_id=subject.document_id, first=first, last=last)
    seconds = (time.monotonic() - started) / max(len(pages), 1)
    return [ReadPage(page.number, page.text, seconds, needs_ocr=page.needs_ocr) for page in pages]


def _has_eyes(runtime: Runtime, subject: Subject) -> bool:
    """Tell whether an engine could look at a page that its reader cannot read."""
    return bool(runtime.ocr) and tasks.can_be_drawn(subject.media_type)


def _wanting(page: ReadPage, reader: str) -> Wanting:
    reason = page.reason or ""
    return Wanting(page.number, reason, ({"engine": reader, "reason": reason},))


def _list_unreadable(batch: Batch, session: Session, page: ReadPage) -> None:
    wanting = _wanting(page, batch.reader)
    batch.list_unread(session, wanting, wanting.failed, wanting.why, seconds=page.seconds)


def _limits(settings: Settings) -> Limits:
    return Limits(
        wall_seconds=settings.parse_wall_seconds,
        cpu_seconds=settings.parse_cpu_seconds,
        memory_bytes=settings.parse_memory_mb * 1024**2,
        open_files=settings.parse_open_files,
        output_bytes=settings.parse_output_mb * 1024**2,
        settings="RAGLINE_PARSE_",
    )
