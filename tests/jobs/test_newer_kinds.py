"""Jobs of a kind that only a newer release knows, as an older worker meets them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.inprocess import InProcessServer, Tenant
from tests.jobs.acting import act, at_rest, begin, queued, set_engine_status, shown

from ragline.errors import Stopping
from ragline.jobs import sweeping
from ragline.jobs.undoing import undo_attempt
from ragline.worker import UNDOINGS

# What a worker knows that was built before there was ingestion.
OLDER = {kind: undoing for kind, undoing in UNDOINGS.items() if kind != "ingest"}


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[InProcessServer]:
    """A server without a worker."""
    with at_rest(request) as running:
        yield running


@pytest.fixture
def job(server: InProcessServer, tenant: Tenant) -> str:
    """A job that runs."""
    job = queued(tenant, tenant.project())
    begin(server, job)
    return job


def test_an_end_is_left_to_newer_workers(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """A worker that does not know how to end a job leaves it, and goes on with the others."""
    set_engine_status(server, job, "CANCELLED")
    sweeping.settle(server.runtime, OLDER)
    before = shown(tenant, job)["status"]
    sweeping.settle(server.runtime, UNDOINGS)

    assert ("processing", "failed") == (before, shown(tenant, job)["status"])


def test_an_undoing_that_ended_is_left_too(
    server: InProcessServer, tenant: Tenant, job: str
) -> None:
    """The end of a cancelled job waits for a worker that knows what was to be undone."""
    act(tenant, job, "cancel")
    set_engine_status(server, f"{job}-undo", "ERROR")
    sweeping.settle(server.runtime, OLDER)
    before = shown(tenant, job)["status"]
    sweeping.settle(server.runtime, UNDOINGS)

    assert ("processing", "cancelled") == (before, shown(tenant, job)["status"])


def test_an_undoing_rests(server: InProcessServer, tenant: Tenant, job: str) -> None:
    """Undoing what is not known here is left to be taken up elsewhere."""
    act(tenant, job, "cancel")

    with pytest.raises(Stopping):
        undo_attempt(server.runtime, OLDER, job, job)
