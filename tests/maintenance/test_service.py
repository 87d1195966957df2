"""Clean-ups that the clock begins."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from dbos import DBOS
from tests.inprocess import WAIT_SECONDS, InProcessServer

from ragline import bootstrap
from ragline.errors import ConfigurationError
from ragline.maintenance import service
from ragline.models import Job, Tenant
from ragline.settings import load_settings


def cleanups(server: InProcessServer) -> list[Job]:
    """Return all clean-ups, oldest first."""
    query = sa.select(Job).where(Job.kind == "maintenance").order_by(Job.created_at)
    with server.runtime.database.read() as session:
        return list(session.scalars(query))


def settle(server: InProcessServer) -> list[Job]:
    """Return all clean-ups once every one has ended."""
    deadline = time.monotonic() + WAIT_SECONDS
    while None in {job.outcome for job in cleanups(server)}:
        assert time.monotonic() < deadline, "a clean-up did not end"
        time.sleep(0.05)
    return cleanups(server)


def test_the_clock_begins_one(server: InProcessServer) -> None:
    """The schedule that a worker made known begins a clean-up of the operators' tenant."""

    before = len(settle(server))
    DBOS.trigger_schedule(service.SCHEDULE).get_result()
    last = settle(server)[-1]
    with server.runtime.database.read() as session:
        owner = session.get_one(Tenant, last.tenant_id).name

    assert before + 1 == len(cleanups(server))
    assert ("completed", "default") == (last.outcome, owner)


def test_a_tick_begins_one_only(server: InProcessServer) -> None:
    """A tick that is run again finds the clean-up that it began."""

    before = len(settle(server))
    tick = datetime(2026, 3, 3, 3, 17, tzinfo=UTC)
    for _ in range(2):
        service.on_tick(server.runtime, tick)
        settle(server)

    assert before + 1 == len(cleanups(server))


def test_wrong_schedule_stops_the_start(tmp_path: Path) -> None:
    """What is no cron expression is told before any work is taken."""

    runtime = bootstrap.build(
        load_settings(_env_file=None, data_dir=tmp_path, cleanup_schedule="at night")
    )
    try:
        with pytest.raises(ConfigurationError, match="RAGLINE_CLEANUP_SCHEDULE"):
            service.register(runtime)
    finally:
        runtime.close()
