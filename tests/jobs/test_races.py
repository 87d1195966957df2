"""Things done to the same job at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import sqlalchemy as sa
from tests.inprocess import InProcessServer, Tenant
from tests.jobs.acting import (
    at_rest,
    begin,
    end,
    events_of,
    queued,
    queued_many,
    shown,
    undo,
)

from ragline.errors import Conflict
from ragline.jobs import control, service
from ragline.models import Job

ROUNDS = 8


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[InProcessServer]:
    """A server without a worker."""
    with at_rest(request) as running:
        yield running


def together(*calls: Callable[[], object]) -> list[object]:
    """Make calls at the same moment; return what each returned or raised."""
    barrier = threading.Barrier(len(calls))

    def call(function: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return function()
        except (Conflict, service.Superseded) as error:
            return error

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(call, calls))


def publish(server: InProcessServer, job_id: str) -> None:
    """End a job well as its last step does."""
    with server.runtime.database.write() as session:
        job = service.open_job(session, job_id, job_id)
        service.complete(session, job, result={})


def test_cancel_against_publishing(server: InProcessServer, tenant: Tenant) -> None:
    """Of a cancelling and a publishing at the same moment, one wins; the job ends once."""
    project = tenant.project()
    for number in range(ROUNDS):
        job = queued(tenant, project, f"Race {number}.")
        begin(server, job)
        together(
            partial(publish, server, job),
            partial(control.cancel, server.runtime, tenant.id, job),
            partial(control.cancel, server.runtime, tenant.id, job),
        )
        undo(server, job)
        assert events_of(server, job)[1:] in (["job.completed"], ["job.cancelled"])


def test_retries_at_once(server: InProcessServer, tenant: Tenant) -> None:
    """Of several retries at the same moment, one begins an attempt."""
    project = tenant.project()
    for number in range(ROUNDS):
        job = queued(tenant, project, f"Race {number}.")
        end(server, job)
        retry = [partial(control.retry, server.runtime, tenant.id, job)] * 3
        assert 2 == sum(isinstance(each, Conflict) for each in together(*retry))
        assert 2 == len(shown(tenant, job)["attempts"])


def test_retry_against_upload(server: InProcessServer, tenant: Tenant) -> None:
    """A retry and another upload of the same content never build one document twice at once."""
    project = tenant.project()
    for number in range(ROUNDS):
        job = queued(tenant, project, f"Race {number}.")
        end(server, job)
        together(
            partial(control.retry, server.runtime, tenant.id, job),
            partial(tenant.add_text, project, f"Race {number}."),
        )
        document = shown(tenant, job)["document_id"]
        with server.runtime.database.read() as session:
            query = sa.select(Job.id).where(Job.document_id == document, Job.outcome.is_(None))
            assert 1 == len(session.scalars(query).all())


def test_children_that_end_at_once(server: InProcessServer, tenant: Tenant) -> None:
    """Children that end, or are cancelled with their parent, at the same moment end it once."""
    for _ in range(ROUNDS):
        with server.tenant() as other:
            parent, children = queued_many(other, other.project(), 4)
            together(
                *(partial(publish, server, child) for child in children[:3]),
                partial(control.cancel, server.runtime, other.id, parent),
                partial(control.cancel, server.runtime, other.id, children[3]),
            )
            assert shown(other, parent)["finished_at"] is not None
            events_of(server, parent)
