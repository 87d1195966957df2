"""Workflows that begin by the clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
import sqlalchemy as sa
from dbos import DBOS
from tests.inprocess import WAIT_SECONDS, InProcessServer

from ragline.engine.schedules import Schedule, apply, checked
from ragline.errors import ConfigurationError
from ragline.models import new_id

ROWS = sa.text("SELECT schedule_id FROM workflow_schedules WHERE schedule_name = :name")
RUNS = sa.text("SELECT workflow_uuid FROM workflow_status WHERE schedule_name = :name")


def until(condition: Callable[[], bool]) -> None:
    """Wait for something to come true."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


@pytest.mark.parametrize("cron", ["", "every night", "99 3 * * *", "* * *"])
def test_wrong_expression_names_its_setting(cron: str) -> None:
    """What is no cron expression is refused with the setting's name."""

    with pytest.raises(ConfigurationError, match="RAGLINE_CLEANUP_SCHEDULE is not a cron"):
        checked("cleanup", "tick", cron, setting="RAGLINE_CLEANUP_SCHEDULE")


def test_applying_at_once_leaves_one(server: InProcessServer) -> None:
    """Processes that start together make one schedule; a later one changes its expression."""

    name = f"test-{new_id()}"
    workflow = DBOS.workflow(name=name)(lambda _moment, _context: None)
    with ThreadPoolExecutor(4) as threads:
        for hour in range(8):
            schedule = Schedule(name, name, f"0 {hour} 1 1 *")
            threads.submit(apply, {name: schedule}, {name: workflow})
    with server.runtime.database.read() as session:
        rows = session.scalars(ROWS, {"name": name}).all()
    DBOS.delete_schedule(name)

    assert 1 == len(rows)


def test_each_tick_begins_one_workflow(server: InProcessServer) -> None:
    """A tick is one workflow, called with its time; its id follows from name and time."""

    name, moments = f"test-{new_id()}", list[datetime]()
    seen = threading.Event()

    def note(moment: datetime, _context: object) -> None:
        moments.append(moment)
        if len(moments) >= 2:
            seen.set()

    workflow = DBOS.workflow(name=name)(note)
    # With seconds, so that the test need not wait for a minute; settings take none.
    apply({name: Schedule(name, name, "* * * * * *")}, {name: workflow})
    until(seen.is_set)
    DBOS.delete_schedule(name)
    with server.runtime.database.read() as session:
        runs = session.scalars(RUNS, {"name": name}).all()

    assert len(set(moments)) == len(moments)
    assert {f"sched-{name}-{moment.isoformat()}" for moment in moments} <= set(runs)
