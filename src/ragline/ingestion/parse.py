"""Step 1: read the file, page by page, into stored texts and the page ledger.

A page's text is stored under the hash of what decides it (content, reader, number)
before anything uses it; a page whose text is stored is never read again.
"""

from __future__ import annotations

import hashlib
import time
from itertools import groupby
from typing import NamedTuple, TypedDict

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.compute.limits import Limits
from ragline.compute.pool import ComputeError
from ragline.database import insert_missing
from ragline.engine import queues
from ragline.engine.retry import COMPUTE
from ragline.errors import LimitExceeded, TemporaryProviderError, UnreadableFile
from ragline.failpoints import failpoint
from ragline.ingestion.subject import Subject, load_subject
from ragline.jobs import service as jobs
from ragline.models import Document, Page, PageText
from ragline.providers import tasks
from ragline.settings import Settings

READ_PAGES = "read_pages"
Batch = list[int]
"""First and last page, counted from 1 and included; a list, since steps speak JSON."""

log = structlog.get_logger()


class ReadPage(NamedTuple):
    """A page as it was read just now: its text, or the reason why there is none."""

    number: int
    text: str | None
    seconds: float
    reason: str | None


class Plan(TypedDict):
    """The reader's name with its version, and the batches of pages it is to read."""

    reader: str
    batches: list[Batch]


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
        session.get_one(Document, subject.document_id).page_count = count
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
    parent = engine.workflow_id()
    engine.run_children(
        READ_PAGES,
        queues.PAGES,
        {f"{parent}-pages-{first}": (job_id, reader, first, last) for first, last in batches},
        share_of=engine.patiently(load_subject, runtime, job_id).tenant_id,
    )


def read_pages(runtime: Runtime, job_id: str, reader: str, first: int, last: int) -> None:
    """Read one batch of a large document, as a workflow of its own."""
    runtime.engine.step(read_batch, COMPUTE, runtime, job_id, reader, first, last)


def read_batch(runtime: Runtime, job_id: str, reader: str, first: int, last: int) -> int:
    """Read those pages of a batch that have no stored text; return how many were read."""
    subject = load_subject(runtime, job_id)
    keys = {number: page_key(subject, reader, number) for number in range(first, last + 1)}
    with runtime.database.read() as session:
        known = set(session.scalars(sa.select(PageText.key).where(PageText.key.in_(keys.values()))))
    missing = [number for number, key in keys.items() if key not in known]
    read = [
        page
        for first_missing, last_missing in _runs(missing)
        for page in _read_run(runtime, subject, first_missing, last_missing)
    ]
    failpoint("ingest.pages_read")
    with runtime.database.write() as session:
        job = subject.job_in(session)
        _store(session, subject, reader, keys, read)
        done = session.scalar(
            sa.select(sa.func.count()).select_from(Page).where(_pages_of(subject))
        )
        jobs.advance(
            session,
            job,
            done=done or 0,
            total=job.progress_total,
            unit="pages",
            event="page.done",
            first=first,
            last=last,
        )
    log.info("pages.stored", document_id=subject.document_id, first=first, last=last)
    failpoint("ingest.pages_stored")
    return len(read)


def _read_run(runtime: Runtime, subject: Subject, first: int, last: int) -> list[ReadPage]:
    """Read neighbouring pages in a child; halve the run around a page that cannot be read."""
    started = time.monotonic()
    try:
        with runtime.blobs.local(subject.content_hash) as path:
            pages = runtime.compute.run(
                tasks.read_pages,
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
        return [ReadPage(first, None, time.monotonic() - started, error.message)]
    log.info("pages.read", document_id=subject.document_id, first=first, last=last)
    seconds = (time.monotonic() - started) / max(len(pages), 1)
    return [ReadPage(page.number, page.text, seconds, None) for page in pages]


def page_key(subject: Subject, reader: str, number: int) -> str:
    """Return the hash of everything that decides a page's text, within the tenant.

    Shared between tenants, the time that reading takes would tell what others hold.
    """
    parts = (subject.tenant_id, subject.content_hash, subject.media_type, reader, str(number))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _store(
    session: Session, subject: Subject, reader: str, keys: dict[int, str], read: list[ReadPage]
) -> None:
    """Keep the texts, and a ledger row for each page of the batch, whoever read it first."""
    texts = [
        {"key": keys[page.number], "text": page.text} for page in read if page.text is not None
    ]
    insert_missing(session, PageText, texts)
    stored = sa.select(PageText.key, PageText.text).where(PageText.key.in_(keys.values()))
    known = dict(session.execute(stored).all())
    read_now = {page.number: page for page in read}
    unread = {page.number for page in read if page.text is None}
    if any(key not in known for number, key in keys.items() if number not in unread):
        # Another document's deletion took it between the look and now.
        raise TemporaryProviderError("The stored text of a page is gone; it will be read again.")
    listed = set(
        session.scalars(
            sa.select(Page.number).where(_pages_of(subject), Page.number.in_(keys.keys()))
        )
    )
    for number, key in keys.items():
        page = read_now.get(number)
        if page is None and number in listed:
            continue  # this version's row says already who read it, and how long it took
        reason = page.reason if page else None
        session.merge(
            Page(
                document_id=subject.document_id,
                version=subject.version,
                number=number,
                text_key=key,
                engine=reader,
                failed_engines=[{"engine": reader, "reason": reason}] if reason else [],
                characters=len(known.get(key, "").strip()),
                seconds=page.seconds if page else 0.0,
            )
        )
    session.flush()


def _pages_of(subject: Subject) -> sa.ColumnElement[bool]:
    return sa.and_(Page.document_id == subject.document_id, Page.version == subject.version)


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    """Group rising numbers into runs without gaps, each as its first and last."""
    runs = []
    for _, group in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        runs.append((run[0], run[-1]))
    return runs


def _limits(settings: Settings) -> Limits:
    return Limits(
        wall_seconds=settings.parse_wall_seconds,
        cpu_seconds=settings.parse_cpu_seconds,
        memory_bytes=settings.parse_memory_mb * 1024**2,
        open_files=settings.parse_open_files,
        output_bytes=settings.parse_output_mb * 1024**2,
        settings="RAGLINE_PARSE_",
    )
