"""Queues in numbers over HTTP, of jobs that nobody works on; pausing and resuming them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from tests.contract import problem_of
from tests.inprocess import InProcessServer, Tenant
from tests.jobs.quiet import quiet

from ragline.accounts import service as accounts
from ragline.engine.enqueueing import Place
from ragline.engine.queues import NAMES
from ragline.engine.rows import workflows
from ragline.jobs import ending
from ragline.models import Attempt, Job, QueueState, new_id, now


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InProcessServer]:
    """A server without a worker, on each kind of database."""
    settings = {}
    if request.param == "postgresql":
        settings["database_url"] = request.getfixturevalue("postgres").new_database()
    with quiet(tmp_path_factory.mktemp("data"), **settings) as running:
        yield running


@pytest.fixture
def operator(server: InProcessServer) -> Iterator[httpx2.Client]:
    """A client that bears the operator's key."""
    with server.client(server.runtime.settings.key_file.read_text().strip()) as http:
        yield http


def enqueued(
    server: InProcessServer, tenant: Tenant, *, queue: str = "ingest", **fields: Any
) -> str:
    """Write a job that waits in a queue and return its id."""
    job_id = new_id()
    delay = fields.pop("delay_seconds", None)
    with server.runtime.database.write() as session:
        job = Job(
            id=job_id, tenant_id=tenant.id, kind="ingest", queue=queue, workflow_id=job_id, **fields
        )
        session.add(job)
        session.flush()
        session.add(Attempt(job_id=job_id, number=1, workflow_id=job_id))
        session.flush()
        server.runtime.engine.enqueue(
            session,
            Place(
                "nothing",
                (job_id,),
                queue=queue,
                workflow_id=job_id,
                timeout_seconds=60,
                share_of=tenant.id,
                delay_seconds=delay,
            ),
        )
    return job_id


def part(server: InProcessServer, tenant: Tenant) -> None:
    """Write a part of a large document, which is no job."""
    with server.runtime.database.write() as session:
        server.runtime.engine.enqueue(
            session,
            Place(
                "nothing",
                (),
                queue="pages",
                workflow_id=new_id(),
                timeout_seconds=60,
                share_of=tenant.id,
            ),
        )


def change(server: InProcessServer, job_id: str, **columns: Any) -> None:
    """Change the engine's row of a job."""
    with server.runtime.database.write() as session:
        session.execute(
            sa.update(workflows).where(workflows.c.workflow_uuid == job_id).values(columns)
        )


def ended(
    server: InProcessServer, job_id: str, outcome: str, *, seconds: float, ago: timedelta
) -> None:
    """End a job as if it had taken so long, so long ago."""
    with server.runtime.database.write() as session:
        job = session.get_one(Job, job_id)
        ending.end(session, job, outcome)
        session.flush()
        job.finished_at = now() - ago
        attempt = session.get_one(Attempt, (job_id, 1))
        attempt.ended_at = job.finished_at
        attempt.started_at = job.finished_at - timedelta(seconds=seconds)
    change(server, job_id, status="SUCCESS")


def numbers(http: httpx2.Client, name: str, path: str = "/v1/queues") -> dict[str, Any]:
    """Return what is told of a queue."""
    (found,) = [queue for queue in http.get(path).json()["queues"] if queue["name"] == name]
    return dict(found)


def test_empty(tenant: Tenant) -> None:
    """An owner who has nothing yet sees all queues, with nothing in them."""

    answer = tenant.http.get("/v1/queues").json()

    assert "tenant" == answer["scope"]
    assert list(NAMES) == [queue["name"] for queue in answer["queues"]]
    assert {
        "name": "ingest",
        "paused": False,
        "paused_at": None,
        "pending": 0,
        "queued": 0,
        "processing": 0,
        "oldest_age_seconds": None,
        "average_seconds": None,
        "completed_today": 0,
        "failed_today": 0,
        "waiting_for": {},
    } == numbers(tenant.http, "ingest")


def test_states(server: InProcessServer, tenant: Tenant) -> None:
    """Open jobs are counted by where they stand."""

    for _ in range(3):
        enqueued(server, tenant)
    enqueued(server, tenant, delay_seconds=3600)
    change(server, enqueued(server, tenant), status="PENDING")
    change(server, enqueued(server, tenant), status="SUCCESS")  # its outcome is on its way
    enqueued(server, tenant, queue="default")

    found = numbers(tenant.http, "ingest")

    assert (1, 3, 2) == (found["pending"], found["queued"], found["processing"])
    assert 1 == numbers(tenant.http, "default")["queued"]


def test_oldest(server: InProcessServer, tenant: Tenant) -> None:
    """The age is that of the job that has waited longest, counted from when it could start."""

    hour = 3600 * 1000
    present = int(now().timestamp() * 1000)
    enqueued(server, tenant)
    change(server, enqueued(server, tenant), created_at=present - hour)
    delayed = enqueued(server, tenant)
    change(server, delayed, created_at=present - 5 * hour, delay_until_epoch_ms=present)
    running = enqueued(server, tenant)
    change(server, running, created_at=present - 9 * hour, status="PENDING")

    assert 3600 <= numbers(tenant.http, "ingest")["oldest_age_seconds"] < 3700


def test_ended(server: InProcessServer, tenant: Tenant) -> None:
    """Ends count from midnight; the average is that of a day and leaves out cancelled jobs."""

    second = timedelta(seconds=1)
    for outcome, seconds in (("completed", 10), ("failed", 20), ("cancelled", 1000)):
        job = enqueued(server, tenant)
        ended(server, job, outcome, seconds=seconds, ago=second)
    ended(server, enqueued(server, tenant), "completed", seconds=30, ago=timedelta(hours=23))
    ended(server, enqueued(server, tenant), "failed", seconds=5000, ago=timedelta(hours=25))
    midnight = now().replace(hour=0, minute=0, second=0, microsecond=0)
    # Both moments may lie on either side of midnight.
    of_today = [now() - ago >= midnight for ago in (second, timedelta(hours=23))]

    found = numbers(tenant.http, "ingest")

    assert 20 == pytest.approx(found["average_seconds"], abs=0.01)
    assert (sum(of_today), int(of_today[0])) == (found["completed_today"], found["failed_today"])
    assert (0, 0, 0) == (found["pending"], found["queued"], found["processing"])


def test_parts_of_documents(server: InProcessServer, tenant: Tenant) -> None:
    """The queue of pages counts parts, each for the tenant whose document it belongs to."""

    for _ in range(2):
        part(server, tenant)
    with server.tenant() as other:
        part(server, other)

        assert 1 == numbers(other.http, "pages")["queued"]
    assert 2 == numbers(tenant.http, "pages")["queued"]


def test_waiting_for(server: InProcessServer, tenant: Tenant) -> None:
    """What running jobs wait for is counted by its name."""

    for thing in ("the limit of openai", "the limit of openai", None):
        change(server, enqueued(server, tenant, waiting_for=thing), status="PENDING")

    assert {"the limit of openai": 2} == numbers(tenant.http, "ingest")["waiting_for"]


def test_others(server: InProcessServer, tenant: Tenant, operator: httpx2.Client) -> None:
    """An owner sees no other tenant's jobs, an operator those of all."""

    path = "/v1/admin/queues"
    before = numbers(operator, "ingest", path)["queued"]
    enqueued(server, tenant)
    with server.tenant() as other:
        enqueued(server, other)

        assert 1 == numbers(other.http, "ingest")["queued"]
    assert before + 2 == numbers(operator, "ingest", path)["queued"]
    assert "all" == operator.get(path).json()["scope"]


def test_pause_and_resume(server: InProcessServer, tenant: Tenant, operator: httpx2.Client) -> None:
    """A paused queue says since when, to everyone; pausing or resuming twice changes nothing."""

    paused = [operator.post("/v1/admin/queues/default/pause").json() for _ in range(2)]
    seen = numbers(tenant.http, "default")
    resumed = [operator.post("/v1/admin/queues/default/resume").json() for _ in range(2)]

    assert paused[0]["paused_at"]
    assert [True, True] == [view["paused"] for view in paused]
    assert [paused[0]["paused_at"]] * 2 == [paused[1]["paused_at"], seen["paused_at"]]
    assert [(False, None)] * 2 == [(view["paused"], view["paused_at"]) for view in resumed]


def test_workers_are_told(server: InProcessServer, operator: httpx2.Client) -> None:
    """The row that workers look at says what is paused."""

    operator.post("/v1/admin/queues/chat/pause")
    with server.runtime.database.read() as session:
        paused = session.get_one(QueueState, "chat").paused_at
    operator.post("/v1/admin/queues/chat/resume")
    with server.runtime.database.read() as session:
        resumed = session.get_one(QueueState, "chat").paused_at

    assert (True, None) == (paused is not None, resumed)


@pytest.mark.parametrize("act", ["pause", "resume"])
def test_unknown_queue(operator: httpx2.Client, act: str) -> None:
    """A queue that does not exist is not found, and not made."""

    problem = problem_of(operator.post(f"/v1/admin/queues/nothing/{act}"), 404, "not-found")

    assert "chat, ingest, pages" in problem["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/admin/queues"),
        ("POST", "/v1/admin/queues/chat/pause"),
        ("POST", "/v1/admin/queues/chat/resume"),
    ],
)
def test_operators_only(server: InProcessServer, tenant: Tenant, method: str, path: str) -> None:
    """Owners cannot see or stop what belongs to all tenants, nor can anybody without a key."""

    problem_of(tenant.http.request(method, path), 403, "forbidden")
    with server.client() as nobody:
        problem_of(nobody.request(method, path), 401, "unauthenticated")


def test_readers_see_numbers(server: InProcessServer, tenant: Tenant) -> None:
    """A key that may only read may see the queues."""

    _, token = accounts.create_key(
        server.runtime, tenant.id, name="reader", role=accounts.Role.READER
    )
    with server.client(token) as http:
        assert 200 == http.get("/v1/queues").status_code
