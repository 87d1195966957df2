"""Events are numbered within their job without gaps, in the order of their commits."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.inprocess import InProcessServer, Tenant
from tests.jobs.acting import at_rest, begin, end, events_of, queued, queued_many

from ragline.jobs import service
from ragline.jobs.events import record
from ragline.models import Job

WRITERS, EACH = 6, 5
OUTCOMES = ("failed", "completed", "failed")


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[InProcessServer]:
    """A server without a worker."""
    with at_rest(request) as running:
        yield running


def test_many_writers(server: InProcessServer, tenant: Tenant) -> None:
    """Writers of one job at the same moment leave neither gap nor repetition."""
    job = queued(tenant, tenant.project())

    def write(_: int) -> None:
        for _ in range(EACH):
            with server.runtime.database.write() as session:
                record(session, session.get_one(Job, job), "job.progress", done=1)

    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(write, range(WRITERS)))

    assert 1 + WRITERS * EACH == len(events_of(server, job))


def test_undone_change_leaves_no_gap(server: InProcessServer, tenant: Tenant) -> None:
    """The number of an event that was rolled back is given to the next one."""
    job = queued(tenant, tenant.project())
    with server.runtime.database.write() as session:
        record(session, session.get_one(Job, job), "job.progress", done=1)
        session.rollback()
    end(server, job, "completed")

    assert ["job.queued", "job.completed"] == events_of(server, job)


def test_several_in_one_transaction(server: InProcessServer, tenant: Tenant) -> None:
    """Events of one transaction follow each other."""
    job = queued(tenant, tenant.project())
    begin(server, job)
    with server.runtime.database.write() as session:
        row = service.open_job(session, job, job)
        for done in range(3):
            service.advance(session, row, done=done, total=3, unit="pages", event="page.done")
        service.complete(session, row, result={})

    assert ["job.queued", *["page.done"] * 3, "job.completed"] == events_of(server, job)


def test_end_twice(server: InProcessServer, tenant: Tenant) -> None:
    """The second end of a job, whichever it is, is none."""
    job = queued(tenant, tenant.project())

    assert [True, False, False] == [end(server, job, each) for each in OUTCOMES]
    assert ["job.queued", "job.failed"] == events_of(server, job)


def test_parent(server: InProcessServer, tenant: Tenant) -> None:
    """A parent tells of each child that ends, and ends with the last."""
    parent, children = queued_many(tenant, tenant.project(), 3)
    for child in children:
        end(server, child, "completed")

    assert ["job.queued", "job.progress", "job.progress", "job.completed"] == events_of(
        server, parent
    )
