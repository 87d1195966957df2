"""What tests of the job contract share: servers at rest, doing things to jobs, their events."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
import structlog
import structlog.testing
from tests.inprocess import WAIT_SECONDS, InProcessServer, Tenant
from tests.jobs.quiet import quiet

from ragline import failpoints
from ragline.engine.rows import workflows
from ragline.errors import RaglineError
from ragline.jobs import ending, undoing
from ragline.jobs.events import TERMINAL
from ragline.jobs.service import describe
from ragline.models import Attempt, Event, Job, now
from ragline.worker import UNDOINGS

PROBLEM = describe(RaglineError("It broke."))


@contextmanager
def at_rest(request: pytest.FixtureRequest, **settings: Any) -> Iterator[InProcessServer]:
    """Serve without a worker, on the database that `RAGLINE_TEST_DATABASE` names."""
    folder = request.getfixturevalue("tmp_path_factory").mktemp("still")
    if os.environ.get("RAGLINE_TEST_DATABASE") == "postgresql":
        settings["database_url"] = request.getfixturevalue("postgres").new_database()
    with quiet(folder, **settings) as running:
        yield running


@contextmanager
def armed(rules: str) -> Iterator[None]:
    """Have points of this process act within a block."""
    failpoints.arm(rules, production=False)
    try:
        # What breaks is logged with all its variables, which takes seconds to draw.
        with structlog.testing.capture_logs():
            yield
    finally:
        failpoints.arm(None, production=False)


def queued(tenant: Tenant, project: str, text: str = "Some words.", **fields: Any) -> str:
    """Send a text and return its job's id."""
    answer = tenant.add_text(project, text, **fields)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job"]["id"])


def queued_many(tenant: Tenant, project: str, count: int, **fields: str) -> tuple[str, list[str]]:
    """Send several files at once; return the parent's id and its children's, oldest first."""
    files = [(f"{number}.txt", f"Text number {number}.".encode()) for number in range(count)]
    parent = tenant.upload(project, *files, **fields).json()["job"]["id"]
    found = tenant.http.get("/v1/jobs", params={"parent": parent, "limit": 200}).json()["jobs"]
    return str(parent), [str(job["id"]) for job in found][::-1]


def act(tenant: Tenant, job_id: str, verb: str, **headers: str) -> httpx2.Response:
    """Cancel, retry or dismiss a job and return the answer."""
    return tenant.http.post(f"/v1/jobs/{job_id}/{verb}", headers=headers)


def shown(tenant: Tenant, job_id: str) -> dict[str, Any]:
    """Return a job as it is now."""
    return dict(tenant.http.get(f"/v1/jobs/{job_id}").json())


def until(condition: Callable[[], Any], *, seconds: float = WAIT_SECONDS) -> Any:
    """Wait for a condition and return what it returned."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
    return found


def end(server: InProcessServer, job_id: str, outcome: str = "failed") -> bool:
    """End a job as its workflow would; return whether it was open until then."""
    with server.runtime.database.write() as session:
        values = {"error": PROBLEM} if outcome == "failed" else {}
        ended = ending.end(session, session.get_one(Job, job_id), outcome, **values)
        _end_workflow(session, session.get_one(Job, job_id).workflow_id)
    return ended


def begin(server: InProcessServer, job_id: str) -> str:
    """Have a job run, as far as its rows tell, and return its workflow's id."""
    with server.runtime.database.write() as session:
        job = session.get_one(Job, job_id)
        job.started_at = now()
        attempt = sa.update(Attempt).where(Attempt.workflow_id == job.workflow_id)
        session.execute(attempt.values(started_at=now()))
        assert job.workflow_id is not None
        session.execute(_workflow(job.workflow_id).values(status="PENDING"))
        return job.workflow_id


def undo(server: InProcessServer, job_id: str) -> None:
    """Do the undoing of a cancelled job, as its workflow would."""
    with server.runtime.database.read() as session:
        workflow_id = session.get_one(Job, job_id).workflow_id
    assert workflow_id is not None
    undoing.undo_attempt(server.runtime, UNDOINGS, job_id, workflow_id)


def engine_status(server: InProcessServer, workflow_id: str) -> str | None:
    """Return the engine's word for a workflow."""
    query = sa.select(workflows.c.status).where(workflows.c.workflow_uuid == workflow_id)
    with server.runtime.database.read() as session:
        return session.scalar(query)


def set_engine_status(server: InProcessServer, workflow_id: str, status: str) -> None:
    """Change the engine's word for a workflow."""
    with server.runtime.database.write() as session:
        session.execute(_workflow(workflow_id).values(status=status))


def events_of(server: InProcessServer, job_id: str) -> list[str]:
    """Return the types of a job's events, which are held to the contract."""
    query = sa.select(Event).where(Event.job_id == job_id).order_by(Event.number)
    with server.runtime.database.read() as session:
        events = list(session.scalars(query))
    types = [event.type for event in events]
    assert list(range(1, len(events) + 1)) == [event.number for event in events], types
    assert types == [event.type for event in sorted(events, key=lambda event: event.cursor)]
    # What ends an attempt is its last event: only another attempt may follow.
    for event, following in zip(types, [*types[1:], None], strict=True):
        assert event not in TERMINAL or following in (None, "job.retrying"), types
        assert following != "job.retrying" or event in TERMINAL, types
    return types


def _workflow(workflow_id: str) -> sa.Update:
    return sa.update(workflows).where(workflows.c.workflow_uuid == workflow_id)


def _end_workflow(session: Any, workflow_id: str | None) -> None:
    if workflow_id is not None:
        session.execute(_workflow(workflow_id).values(status="ERROR", queue_name=None))
