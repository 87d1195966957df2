"""The order of events over all jobs, and what may be shown of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from tests.postgres import Postgres

from ragline import bootstrap
from ragline.accounts import service as accounts
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.jobs.event_tail import START, Tail, job_topic, newest, project_topic
from ragline.jobs.events import record
from ragline.jobs.streams import ProjectEvents
from ragline.models import Event, Job, Project, new_id
from ragline.settings import load_settings

WAIT_SECONDS = 30


@pytest.fixture
def runtime(postgres: Postgres, tmp_path: Path) -> Iterator[Runtime]:
    """A runtime on PostgreSQL, without a server or worker."""
    url = postgres.new_database()
    built = bootstrap.build(load_settings(_env_file=None, data_dir=tmp_path, database_url=url))
    yield built
    built.close()


@pytest.fixture
def caller(runtime: Runtime) -> Caller:
    """A tenant's owner."""
    _, token = accounts.create_tenant(runtime, "someone")
    return accounts.authenticate(runtime, token)


@pytest.fixture
def project(runtime: Runtime, caller: Caller) -> str:
    """A project with nothing in it."""
    with runtime.database.write() as session:
        made = Project(tenant_id=caller.tenant_id, name="library")
        session.add(made)
    return made.id


@pytest.fixture
def new_job(runtime: Runtime, caller: Caller, project: str) -> Callable[[], str]:
    """Write another open job, without events."""

    def write() -> str:
        with runtime.database.write() as session:
            job = Job(id=new_id(), tenant_id=caller.tenant_id, project_id=project, kind="ingest")
            session.add(job)
        return job.id

    return write


@contextmanager
def transaction(runtime: Runtime) -> Iterator[Session]:
    """Give a transaction of its own; a writing block would join the one around it."""
    with Session(runtime.database.engine) as session, session.begin():
        yield session


def add(session: Session, job_id: str, type: str) -> None:
    """Write an event of a job, in the caller's transaction."""
    record(session, session.get_one(Job, job_id), type)
    session.flush()


def types(frames: list[bytes]) -> list[str]:
    """Return the types of the events on the wire."""
    lines = [line for frame in frames for line in frame.decode().splitlines()]
    data = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    return [event["type"] for event in data]


def settled(look: Callable[[], list[str]], count: int) -> list[str]:
    """Collect what is found until there is enough; others in the cluster may hold it back."""
    found: list[str] = []
    deadline = time.monotonic() + WAIT_SECONDS
    while len(found) < count:
        assert time.monotonic() < deadline, found
        found += look()
    return found


def test_an_open_transaction_holds_back_later_events(
    runtime: Runtime, caller: Caller, project: str, new_job: Callable[[], str]
) -> None:
    """No event of a project is shown before one that may still come before it."""

    slow, fast = new_job(), new_job()
    events = ProjectEvents(runtime, caller, project, after=START)
    events.open()
    with transaction(runtime) as first:
        add(first, slow, "early")
        with transaction(runtime) as second:
            add(second, fast, "late")
        with runtime.database.read() as session:
            committed = session.query(Event.type).all()
        meanwhile = events.read().frames

    assert [("late",)] == committed
    assert [] == meanwhile
    assert ["early", "late"] == settled(lambda: types(events.read().frames), 2)


def test_an_open_transaction_does_not_hold_back_a_job(
    runtime: Runtime, project: str, new_job: Callable[[], str]
) -> None:
    """Streams of other jobs are woken at once, and once; those of the project when it is safe."""

    slow, fast = new_job(), new_job()
    tail = Tail(runtime.database)
    assert tail.look() is None
    with transaction(runtime) as first:
        add(first, slow, "early")
        with transaction(runtime) as second:
            add(second, fast, "late")
        woken = [tail.look(), tail.look()]

    assert [{job_topic(fast)}, set()] == woken
    rest = settled(lambda: sorted(tail.look() or ()), 2)
    assert sorted([job_topic(slow), project_topic(project)]) == rest


def test_an_earlier_transaction_with_a_later_cursor(
    runtime: Runtime, caller: Caller, project: str, new_job: Callable[[], str]
) -> None:
    """Transactions that write in turns are shown one after the other, each in its order."""

    one, other = new_job(), new_job()
    with transaction(runtime) as first, transaction(runtime) as second:
        add(first, one, "a1")
        add(second, other, "b1")
        add(first, one, "a2")
        add(second, other, "b2")
    events = ProjectEvents(runtime, caller, project, after=START)
    events.open()

    assert ["a1", "a2", "b1", "b2"] == settled(lambda: types(events.read().frames), 4)


def test_a_stream_of_new_events_starts_before_an_open_transaction(
    runtime: Runtime, caller: Caller, project: str, new_job: Callable[[], str]
) -> None:
    """What is written but not committed when a stream starts is new to it."""

    job = new_job()
    events = ProjectEvents(runtime, caller, project, after=None)
    with transaction(runtime) as session:
        add(session, job, "early")
        events.open()

    assert ["early"] == settled(lambda: types(events.read().frames), 1)


def test_without_events(runtime: Runtime) -> None:
    """Where nothing was written yet, the newest place is the start."""

    with runtime.database.read() as session:
        assert START == newest(session)
